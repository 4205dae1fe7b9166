import { hex, statements } from "./sql.js";

/** Loans and the licenses issued for them. */
export const loans = statements(
  `create table loans (
     id text primary key ${hex("id", 16)},
     state text not null check (state in ('PREPARED', 'PENDING', 'ACTIVE', 'RETURNED', 'UNPAID', 'CLOSED', 'LOST', 'NEVER_ACTIVATED')),
     operator_id text not null references operators,
     kiosk_id text not null references kiosks,
     customer_id text not null references customers,
     content_id text not null,
     version integer not null,
     suite integer not null,
     cartridge_id text not null references devices,
     card_id text references devices,
     custody integer not null,
     terms text not null ${hex("terms", 48)},
     tariff_id text references tariffs,
     counter bigint,
     copy_taken boolean not null,
     prepared_at bigint not null,
     pending_at bigint,
     activated_at bigint,
     deadline_at bigint,
     lost_after bigint,
     ended_at bigint,
     returned_at bigint,
     return_kiosk_id text references kiosks,
     evidence text check (evidence in ('receipt', 'card')),
     receipt text ${hex("receipt", 60)},
     cause integer,
     closed_at bigint,
     foreign key (content_id, version, suite) references sealed_contents,
     constraint active_has_times check (state in ('PREPARED', 'PENDING', 'NEVER_ACTIVATED') or activated_at is not null)
   )`,
  `create unique index one_loan_per_cartridge on loans (cartridge_id) where state in ('PREPARED', 'PENDING', 'ACTIVE')`,
  `create index loans_waiting on loans (prepared_at) where state in ('PREPARED', 'PENDING')`,
  `create index loans_overdue on loans (lost_after) where state = 'ACTIVE'`,
  `create index loans_customer on loans (customer_id, content_id)`,
  `create index loans_latest on loans (prepared_at desc, id) where activated_at is not null`,
  `create index loans_content on loans (content_id, activated_at desc, id) where activated_at is not null`,
  `create table meetings (
     loan_id text primary key references loans,
     at bigint not null,
     readers text not null
   )`,
  `create table licenses (
     id text primary key ${hex("id", 16)},
     loan_id text not null unique references loans,
     holder_id text not null references devices,
     nonce text not null ${hex("nonce", 16)},
     issued_at bigint not null,
     completed_at bigint,
     revocation_nonce text ${hex("revocation_nonce", 16)},
     revoked_at bigint
   )`,
  `create index licenses_holder on licenses (holder_id) where revoked_at is null`,
);
