import { hex, statements } from "./sql.js";

/** Orders for delivery to a terminal, and who ordered what, classified; the person can be erased and the sums stay. */
export const orders = statements(
  `create table orders (
     id text primary key ${hex("id", 16)},
     operator_id text not null references operators,
     customer_id text references customers,
     content_id text not null references contents,
     terminal_id text not null references devices,
     address text not null,
     period_start bigint not null,
     period_end bigint not null,
     content_due bigint not null,
     key_due bigint not null,
     state text not null,
     created_at bigint not null,
     check (period_end > period_start)
   )`,
  `create table deliveries (
     order_id text not null references orders,
     kind text not null check (kind in ('content', 'key', 'advert')),
     due_at bigint not null,
     attempts integer not null default 0,
     delivered_at bigint,
     given_up_at bigint,
     last_error text,
     primary key (order_id, kind)
   )`,
  `create index deliveries_due on deliveries (due_at) where delivered_at is null and given_up_at is null`,
  `create table order_classes (
     order_id text not null references orders,
     item text not null check (item in ('title', 'type', 'period', 'operator', 'region')),
     value text not null,
     primary key (order_id, item)
   )`,
  `create index order_classes_value on order_classes (item, value)`,
);
