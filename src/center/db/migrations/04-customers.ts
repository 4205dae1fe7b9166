import { appendOnly, hex, statements } from "./sql.js";

/** What customers leave and get: ratings, points, reservations. */
export const customers = statements(
  `create table ratings (
     loan_id text primary key references loans,
     customer_id text not null references customers,
     content_id text not null references contents,
     stars integer not null check (stars between 1 and 5),
     at bigint not null
   )`,
  `create index ratings_content on ratings (content_id, customer_id)`,
  `create table point_entries (
     loan_id text not null references loans,
     kind text not null check (kind in ('rating', 'reservation')),
     customer_id text not null references customers,
     points integer not null check (points > 0),
     at bigint not null,
     primary key (loan_id, kind)
   )`,
  ...appendOnly("point_entries"),
  `create index point_entries_customer on point_entries (customer_id)`,
  `create table reservations (
     id text primary key ${hex("id", 16)},
     number bigint generated always as identity,
     customer_id text not null references customers,
     content_id text not null references contents,
     loan_id text references loans,
     state text not null check (state in ('WAITING', 'HELD', 'FULFILLED', 'CANCELLED', 'EXPIRED')),
     copy_held boolean not null,
     created_at bigint not null,
     held_until bigint
   )`,
  `create unique index one_open_reservation on reservations (customer_id, content_id) where state in ('WAITING', 'HELD')`,
  `create index reservations_waiting on reservations (content_id, number) where state = 'WAITING'`,
  `create index reservations_held on reservations (held_until) where state = 'HELD'`,
);
