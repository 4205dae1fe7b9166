import { appendOnly, hex, statements } from "./sql.js";

/**
 * A customer's own networked readers: leaf of the key tree, public key certificate, owner; what each has downloaded, which licenses it holds, and the
 * history of copy certificates. One row of `key_tree`: its id and epoch.
 */
export const clients = statements(
  `create table license_servers (
     id text primary key ${hex("id", 8)},
     name text not null,
     chain text not null ${hex("chain", 256)},
     public_key text not null unique ${hex("public_key", 32)},
     address text not null,
     created_at bigint not null,
     revoked_at bigint
   )`,
  `create table key_tree (
     id text primary key ${hex("id", 8)},
     depth integer not null check (depth between 1 and 24),
     epoch bigint not null check (epoch > 0),
     only_one boolean not null default true unique check (only_one)
   )`,
  `create table clients (
     device_id text primary key references devices,
     customer_id text not null references customers,
     license_server_id text not null references license_servers,
     name text not null,
     registration_serial bigint not null check (registration_serial > 0),
     copy_serial bigint not null default 0,
     registered_at bigint not null,
     removed_at bigint
   )`,
  `create index clients_customer on clients (customer_id)`,
  `create table client_leaves (
     leaf bigint primary key check (leaf >= 0),
     device_id text not null unique references clients,
     revoked_at bigint
   )`,
  `create table client_certificates (
     device_id text not null references clients,
     chain text not null ${hex("chain", 256)},
     since bigint not null,
     primary key (device_id, chain)
   )`,
  `create table household_prices (
     content_id text primary key references contents,
     operator_id text not null references operators,
     license_price bigint not null check (license_price >= 0),
     copy_price bigint not null check (copy_price >= 0)
   )`,
  `create table customer_contents (
     customer_id text not null references customers,
     device_id text not null references clients,
     content_id text not null,
     version integer not null,
     suite integer not null,
     downloaded_at bigint not null,
     primary key (device_id, content_id, version, suite),
     foreign key (content_id, version, suite) references sealed_contents
   )`,
  `create index customer_contents_customer on customer_contents (customer_id)`,
  `create table content_licenses (
     id text primary key ${hex("id", 16)},
     content_id text not null,
     version integer not null,
     suite integer not null,
     terms text not null ${hex("terms", 48)},
     epoch bigint not null,
     request_nonce text not null ${hex("request_nonce", 16)},
     issued_at bigint not null,
     completed_at bigint,
     unique (request_nonce),
     foreign key (content_id, version, suite) references sealed_contents
   )`,
  `create table customer_licenses (
     license_id text primary key references content_licenses,
     customer_id text not null references customers,
     device_id text references clients,
     since bigint not null
   )`,
  `create index customer_licenses_customer on customer_licenses (customer_id)`,
  `create table copy_certificates (
     use_id text primary key ${hex("use_id", 16)},
     license_id text not null,
     source_id text not null,
     destination_id text not null,
     license_server_id text not null references license_servers,
     outcome text not null check (outcome in ('granted', 'source-not-legal', 'license-not-held', 'other-owner')),
     at bigint not null
   )`,
  ...appendOnly("copy_certificates"),
  `create index copy_certificates_license on copy_certificates (license_id)`,
  `create table moves (
     use_id text primary key references copy_certificates,
     license_id text not null references content_licenses,
     source_id text not null references clients,
     destination_id text not null references clients,
     ordered_use_id text not null references moves,
     nonce text not null ${hex("nonce", 16)},
     serial bigint,
     conditions text ${hex("conditions", 12)},
     removed_at bigint,
     certificate text ${hex("certificate", 316)},
     certified_at bigint,
     expiry bigint,
     taken_at bigint,
     check ((certificate is null) = (certified_at is null)),
     check (certificate is null or removed_at is not null)
   )`,
  `create unique index one_move_per_license on moves (license_id) where taken_at is null`,
  `create unique index one_move_per_nonce on moves (nonce) where use_id = ordered_use_id`,
  `create index moves_ordered_use on moves (ordered_use_id)`,
);
