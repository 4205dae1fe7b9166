import { appendOnly, hex, statements } from "./sql.js";

/**
 * Double entry: a transaction's entries sum to zero, and nothing is ever changed or deleted; a mistake is mended by a reversal. What may happen once
 * only (a loan's charge, its reversal) is a unique key, so that no crash and no repetition can do it twice.
 */
export const ledger = statements(
  `create table accounts (
     id bigint generated always as identity primary key,
     operator_id text not null references operators,
     kind text not null check (kind in ('receivable', 'revenue', 'cash', 'card', 'due_from', 'due_to')),
     party text not null,
     currency text not null,
     unique (operator_id, kind, party)
   )`,
  ...appendOnly("accounts"),
  `create table ledger_transactions (
     id bigint generated always as identity primary key,
     reference text not null unique,
     at bigint not null
   )`,
  ...appendOnly("ledger_transactions"),
  `create table ledger_entries (
     id bigint generated always as identity primary key,
     transaction_id bigint not null references ledger_transactions,
     account_id bigint not null references accounts,
     amount bigint not null check (amount <> 0)
   )`,
  ...appendOnly("ledger_entries"),
  `create index ledger_entries_transaction on ledger_entries (transaction_id)`,
  `create index ledger_entries_account on ledger_entries (account_id)`,
  `create function check_balance() returns trigger language plpgsql as $$
   declare
     transaction bigint;
     entries bigint;
     currencies bigint;
     unbalanced bigint;
   begin
     if tg_table_name = 'ledger_transactions' then transaction := new.id; else transaction := new.transaction_id; end if;
     select count(*), count(distinct a.currency), coalesce(sum(e.amount), 0) into entries, currencies, unbalanced
       from ledger_entries e join accounts a on a.id = e.account_id where e.transaction_id = transaction;
     if entries < 2 or currencies <> 1 or unbalanced <> 0 then
       raise exception 'Ledger transaction % has % entries in % currencies that sum to %.', transaction, entries, currencies, unbalanced
         using errcode = '23514', constraint = 'ledger_balances';
     end if;
     return null;
   end $$`,
  `create constraint trigger ledger_transactions_balance after insert on ledger_transactions
     deferrable initially deferred for each row execute function check_balance()`,
  `create constraint trigger ledger_entries_balance after insert on ledger_entries
     deferrable initially deferred for each row execute function check_balance()`,
  `create table charges (
     loan_id text not null references loans,
     kind text not null check (kind in ('base', 'time', 'lost')),
     amount bigint not null check (amount >= 0),
     periods bigint not null default 0,
     at bigint not null,
     transaction_id bigint references ledger_transactions,
     primary key (loan_id, kind),
     check ((amount = 0) = (transaction_id is null))
   )`,
  ...appendOnly("charges"),
  `create table reversals (
     loan_id text not null,
     kind text not null,
     reason text not null check (reason in ('never activated', 'receipt after loss')),
     at bigint not null,
     transaction_id bigint references ledger_transactions,
     primary key (loan_id, kind),
     foreign key (loan_id, kind) references charges
   )`,
  ...appendOnly("reversals"),
  `create table payments (
     id text primary key ${hex("id", 16)},
     loan_id text not null references loans,
     kiosk_id text references kiosks,
     method text not null check (method in ('cash', 'card')),
     amount bigint not null check (amount <> 0),
     reference text not null,
     at bigint not null,
     transaction_id bigint not null references ledger_transactions,
     constraint payment_once unique (loan_id, reference)
   )`,
  ...appendOnly("payments"),
);
