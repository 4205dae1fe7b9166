import { appendOnly, hex, statements } from "./sql.js";

/** A customer's own networked readers: leaf of the key tree, certificate, owner; what each has downloaded; copy certificates. */
export const clients = statements(
  `create table license_servers (
     id text primary key ${hex("id", 8)},
     name text not null,
     chain text not null ${hex("chain", 256)},
     created_at bigint not null,
     revoked_at bigint
   )`,
  `create table clients (
     device_id text primary key references devices,
     customer_id text not null references customers,
     license_server_id text not null references license_servers,
     leaf bigint not null unique check (leaf >= 0),
     name text not null,
     copy_serial bigint not null default 0,
     registered_at bigint not null,
     removed_at bigint
   )`,
  `create index clients_customer on clients (customer_id) where removed_at is null`,
  `create table client_contents (
     device_id text not null references clients,
     content_id text not null,
     version integer not null,
     suite integer not null,
     downloaded_at bigint not null,
     primary key (device_id, content_id, version, suite),
     foreign key (content_id, version, suite) references sealed_contents
   )`,
  `create table client_licenses (
     id text primary key ${hex("id", 16)},
     device_id text not null references clients,
     customer_id text not null references customers,
     content_id text not null references contents,
     terms text not null ${hex("terms", 48)},
     issued_at bigint not null,
     moved_at bigint
   )`,
  `create index client_licenses_device on client_licenses (device_id) where moved_at is null`,
  `create table copy_certificates (
     use_id text primary key ${hex("use_id", 16)},
     license_id text not null references client_licenses,
     source_id text not null references clients,
     destination_id text not null references clients,
     license_server_id text not null references license_servers,
     outcome text not null check (outcome in ('issued', 'source-not-legal', 'license-not-held', 'other-owner')),
     certificate text,
     at bigint not null,
     check ((outcome = 'issued') = (certificate is not null))
   )`,
  ...appendOnly("copy_certificates"),
  `create index copy_certificates_license on copy_certificates (license_id)`,
);
