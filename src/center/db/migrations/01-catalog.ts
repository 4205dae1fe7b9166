import { appendOnly, hex, statements } from "./sql.js";

/**
 * Operators and their staff and kiosks, tariffs, contents with their sealed forms, and devices. Identifiers and keys are lower-case hex; instants are
 * seconds since 1970; amounts are minor units.
 */
export const catalog = statements(
  `create function refuse_change() returns trigger language plpgsql as $$
   begin
     raise exception 'Rows of % are only ever added.', tg_table_name using errcode = '23001';
   end $$`,
  `create table operators (
     id text primary key ${hex("id", 16)},
     name text not null,
     currency text not null check (currency ~ '^[A-Z]{3}$'),
     created_at bigint not null
   )`,
  `create table staff (
     id text primary key ${hex("id", 16)},
     name text not null,
     operator_id text references operators,
     token_hash text not null unique ${hex("token_hash", 32)},
     created_at bigint not null,
     disabled_at bigint
   )`,
  `create table kiosks (
     id text primary key ${hex("id", 8)},
     operator_id text not null references operators,
     name text not null,
     address text,
     chain text not null ${hex("chain", 256)},
     public_key text not null ${hex("public_key", 32)},
     not_before bigint not null,
     not_after bigint not null,
     created_at bigint not null,
     revoked_at bigint
   )`,
  `create table tariffs (
     id text primary key ${hex("id", 16)},
     operator_id text not null references operators,
     name text not null,
     base bigint not null check (base >= 0),
     period_price bigint not null check (period_price >= 0),
     period_seconds bigint not null check (period_seconds > 0),
     cap bigint check (cap >= base),
     grace_seconds bigint not null check (grace_seconds >= 0),
     lost_price bigint not null check (lost_price >= 0),
     created_at bigint not null
   )`,
  ...appendOnly("tariffs"),
  `create table contents (
     id text primary key ${hex("id", 16)},
     title text not null,
     type text not null,
     description text not null,
     producer text not null,
     copies bigint check (copies >= 0),
     copies_out bigint not null default 0 check (copies_out >= 0),
     copies_held bigint not null default 0 check (copies_held >= 0),
     created_at bigint not null,
     withdrawn_at bigint,
     constraint copies_suffice check (copies is null or copies_out + copies_held <= copies)
   )`,
  `create table content_versions (
     content_id text not null references contents,
     version integer not null check (version between 1 and 65535),
     title_key text not null,
     created_at bigint not null,
     primary key (content_id, version)
   )`,
  `create table sealed_contents (
     content_id text not null,
     version integer not null,
     suite integer not null check (suite in (1, 2)),
     header text not null ${hex("header", 48)},
     sealed_length bigint not null check (sealed_length > 0),
     sha256 text not null ${hex("sha256", 32)},
     sample_rate integer not null check (sample_rate >= 0),
     created_at bigint not null,
     primary key (content_id, version, suite),
     foreign key (content_id, version) references content_versions
   )`,
  `create table pictures (
     content_id text not null references contents,
     number integer not null check (number between 0 and 15),
     media_type text not null,
     length bigint not null,
     sha256 text not null ${hex("sha256", 32)},
     primary key (content_id, number)
   )`,
  `create table offers (
     operator_id text not null references operators,
     content_id text not null references contents,
     tariff_id text references tariffs,
     custody integer not null check (custody in (1, 2, 3)),
     duration_seconds bigint not null check (duration_seconds between 60 and 31536000),
     plays integer not null check (plays between 0 and 65535),
     window_seconds bigint not null check (window_seconds between 0 and 4294967295),
     total_seconds bigint not null check (total_seconds between 0 and 4294967295),
     readers integer not null check (readers between 0 and 4),
     created_at bigint not null,
     primary key (operator_id, content_id)
   )`,
  `create table customers (
     id text primary key ${hex("id", 16)},
     name text not null,
     created_at bigint not null,
     erased_at bigint
   )`,
  `create table devices (
     id text primary key ${hex("id", 8)},
     role integer not null check (role between 1 and 9),
     generation bigint not null check (generation > 0),
     chain text not null ${hex("chain", 256)},
     not_after bigint not null,
     customer_id text references customers,
     ticket_serial bigint not null default 0,
     loan_counter bigint not null default 0,
     created_at bigint not null,
     revoked_at bigint
   )`,
  `create index devices_customer on devices (customer_id)`,
  `create table idempotency (
     principal text not null,
     key text not null,
     fingerprint text not null,
     status integer not null,
     body text not null,
     at bigint not null,
     primary key (principal, key)
   )`,
  `create index idempotency_at on idempotency (at)`,
  `create table audit (
     id bigint generated always as identity primary key,
     at bigint not null,
     actor text not null,
     action text not null,
     subject text not null,
     detail text not null
   )`,
  ...appendOnly("audit"),
);
