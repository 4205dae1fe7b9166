import { hex, statements } from "./sql.js";

/** Orders for delivery to a terminal, and who ordered what, classified; the person can be erased and the sums stay. */
export const orders = statements(
  `create table stores (
     id text primary key ${hex("id", 8)},
     name text not null,
     address text not null,
     generation bigint not null check (generation > 0),
     created_at bigint not null,
     revoked_at bigint
   )`,
  `create table store_forms (
     store_id text not null references stores,
     content_id text not null,
     version integer not null,
     header text not null ${hex("header", 48)},
     sealed_length bigint not null check (sealed_length > 0),
     sha256 text not null ${hex("sha256", 32)},
     sample_rate bigint not null check (sample_rate >= 0),
     adverts text not null,
     created_at bigint not null,
     primary key (store_id, content_id, version),
     foreign key (content_id, version) references content_versions
   )`,
  `create table customer_terminals (
     id text primary key ${hex("id", 8)},
     customer_id text not null references customers,
     name text not null,
     public_key text not null unique ${hex("public_key", 32)},
     created_at bigint not null,
     revoked_at bigint
   )`,
  `create table orders (
     id text primary key ${hex("id", 16)},
     number bigint generated always as identity,
     operator_id text not null references operators,
     customer_id text references customers,
     content_id text not null references contents,
     version integer not null,
     store_id text not null references stores,
     terminal_id text references devices,
     address text,
     agreed boolean not null,
     period_start bigint not null,
     period_end bigint not null,
     state text not null check (state in ('OPEN', 'DELIVERED', 'ENDED', 'FAILED', 'CANCELLED')),
     created_at bigint not null,
     receipt text ${hex("receipt", 52)},
     ended_at bigint,
     check (period_end > period_start),
     foreign key (content_id, version) references content_versions
   )`,
  `create index orders_customer on orders (customer_id, number)`,
  `create table deliveries (
     order_id text not null references orders,
     kind text not null check (kind in ('content', 'key', 'advert')),
     due_at bigint not null,
     next_at bigint not null,
     give_up_at bigint not null,
     attempts integer not null default 0,
     progress bigint not null default 0,
     delivered_at bigint,
     given_up_at bigint,
     last_error text,
     primary key (order_id, kind)
   )`,
  `create index deliveries_due on deliveries (next_at) where delivered_at is null and given_up_at is null`,
  `create table order_classes (
     order_id text not null references orders,
     item text not null check (item in ('title', 'type', 'period', 'operator', 'region')),
     value text not null,
     primary key (order_id, item)
   )`,
  `create index order_classes_value on order_classes (item, value)`,
);
