import type { Generated } from "kysely";

/** Rows as the queries see them; the migrations say what the database enforces. Ids, keys and sealed bytes are hex; instants seconds. */
export interface Tables {
  operators: { id: string; name: string; currency: string; created_at: number };
  staff: { id: string; name: string; operator_id: string | null; token_hash: string; created_at: number; disabled_at: number | null };
  kiosks: {
    id: string;
    operator_id: string;
    name: string;
    address: string | null;
    chain: string;
    public_key: string;
    not_before: number;
    not_after: number;
    created_at: number;
    revoked_at: number | null;
  };
  tariffs: {
    id: string;
    operator_id: string;
    name: string;
    base: number;
    period_price: number;
    period_seconds: number;
    cap: number | null;
    grace_seconds: number;
    lost_price: number;
    created_at: number;
  };
  contents: {
    id: string;
    title: string;
    type: string;
    description: string;
    producer: string;
    copies: number | null;
    copies_out: Generated<number>;
    copies_held: Generated<number>;
    created_at: number;
    withdrawn_at: number | null;
  };
  content_versions: { content_id: string; version: number; title_key: string; created_at: number };
  sealed_contents: {
    content_id: string;
    version: number;
    suite: number;
    header: string;
    sealed_length: number;
    sha256: string;
    sample_rate: number;
    created_at: number;
  };
  pictures: { content_id: string; number: number; media_type: string; length: number; sha256: string };
  offers: {
    operator_id: string;
    content_id: string;
    tariff_id: string | null;
    custody: number;
    duration_seconds: number;
    plays: number;
    window_seconds: number;
    total_seconds: number;
    readers: number;
    created_at: number;
  };
  customers: { id: string; name: string; created_at: number; erased_at: number | null };
  devices: {
    id: string;
    role: number;
    generation: number;
    chain: string;
    not_after: number;
    customer_id: string | null;
    ticket_serial: Generated<number>;
    loan_counter: Generated<number>;
    created_at: number;
    revoked_at: number | null;
  };
  idempotency: { principal: string; key: string; fingerprint: string; status: number; body: string; at: number };
  audit: { id: Generated<number>; at: number; actor: string; action: string; subject: string; detail: string };
  loans: LoanRow;
  /** That the center has authenticated the card of a loan; ids of the readers whose certificates the card handed over, as JSON. */
  meetings: { loan_id: string; at: number; readers: string };
  licenses: {
    id: string;
    loan_id: string;
    holder_id: string;
    nonce: string;
    issued_at: number;
    completed_at: number | null;
    revocation_nonce: string | null;
    revoked_at: number | null;
  };
  accounts: { id: Generated<number>; operator_id: string; kind: AccountKind; party: string; currency: string };
  ledger_transactions: { id: Generated<number>; reference: string; at: number };
  ledger_entries: { id: Generated<number>; transaction_id: number; account_id: number; amount: number };
  charges: { loan_id: string; kind: ChargeKind; amount: number; periods: number; at: number; transaction_id: number | null };
  reversals: { loan_id: string; kind: ChargeKind; reason: ReversalReason; at: number; transaction_id: number | null };
  payments: {
    id: string;
    loan_id: string;
    kiosk_id: string | null;
    method: "cash" | "card";
    amount: number;
    reference: string;
    at: number;
    transaction_id: number;
  };
  ratings: { loan_id: string; customer_id: string; content_id: string; stars: number; at: number };
  point_entries: { loan_id: string; kind: "rating" | "reservation"; customer_id: string; points: number; at: number };
  reservations: {
    id: string;
    number: Generated<number>;
    customer_id: string;
    content_id: string;
    loan_id: string | null;
    state: "WAITING" | "HELD" | "FULFILLED" | "CANCELLED" | "EXPIRED";
    copy_held: boolean;
    created_at: number;
    held_until: number | null;
  };
  license_servers: {
    id: string;
    name: string;
    chain: string;
    public_key: string;
    address: string;
    created_at: number;
    revoked_at: number | null;
  };
  key_tree: { id: string; depth: number; epoch: number; only_one: Generated<boolean> };
  clients: {
    device_id: string;
    customer_id: string;
    license_server_id: string;
    name: string;
    registration_serial: number;
    copy_serial: Generated<number>;
    registered_at: number;
    removed_at: number | null;
  };
  client_leaves: { leaf: number; device_id: string; revoked_at: number | null };
  client_certificates: { device_id: string; chain: string; since: number };
  household_prices: { content_id: string; operator_id: string; license_price: number; copy_price: number };
  customer_contents: {
    customer_id: string;
    device_id: string;
    content_id: string;
    version: number;
    suite: number;
    downloaded_at: number;
  };
  content_licenses: {
    id: string;
    content_id: string;
    version: number;
    suite: number;
    terms: string;
    epoch: number;
    request_nonce: string;
    issued_at: number;
    completed_at: number | null;
  };
  /** Without a device while the license is on its way from one client to another. */
  customer_licenses: { license_id: string; customer_id: string; device_id: string | null; since: number };
  copy_certificates: {
    use_id: string;
    license_id: string;
    source_id: string;
    destination_id: string;
    license_server_id: string;
    outcome: MoveOutcome;
    at: number;
  };
  moves: {
    use_id: string;
    license_id: string;
    source_id: string;
    destination_id: string;
    /** Use id in the order that the source has followed: its own, or that of the move which this one redirects. */
    ordered_use_id: string;
    nonce: string;
    serial: number | null;
    conditions: string | null;
    removed_at: number | null;
    certificate: string | null;
    certified_at: number | null;
    expiry: number | null;
    taken_at: number | null;
  };
  stores: { id: string; name: string; address: string; generation: number; created_at: number; revoked_at: number | null };
  store_forms: {
    store_id: string;
    content_id: string;
    version: number;
    header: string;
    sealed_length: number;
    sha256: string;
    sample_rate: number;
    /** Adverts that the store attaches, as JSON. */
    adverts: string;
    created_at: number;
  };
  customer_terminals: { id: string; customer_id: string; name: string; public_key: string; created_at: number; revoked_at: number | null };
  orders: OrderRow;
  deliveries: DeliveryRow;
  order_classes: { order_id: string; item: ClassItem; value: string };
  adverts: {
    id: string;
    operator_id: string;
    content_id: string | null;
    name: string;
    media_type: string | null;
    length: number | null;
    sha256: string | null;
    created_at: number;
    withdrawn_at: number | null;
  };
  advert_areas: {
    advert_id: string;
    number: number;
    left_at: number;
    top_at: number;
    right_at: number;
    bottom_at: number;
    address: string;
  };
  /** Clients that adverts may lead into the local network, and the serial of the registration that says so. */
  local_adverts: { device_id: string; allowed: boolean; serial: number };
  advert_clicks: { advert_id: string; count: number };
}

export type OrderState = "OPEN" | "DELIVERED" | "ENDED" | "FAILED" | "CANCELLED";
export type DeliveryKind = "content" | "key" | "advert";
export type ClassItem = "title" | "type" | "period" | "operator" | "region";

export interface OrderRow {
  id: string;
  number: Generated<number>;
  operator_id: string;
  /** Null once the person has been erased, as are terminal and address. */
  customer_id: string | null;
  content_id: string;
  version: number;
  store_id: string;
  terminal_id: string | null;
  address: string | null;
  /** True when the customer agreed that clicks on adverts carry the customer's id. */
  agreed: boolean;
  period_start: number;
  period_end: number;
  state: OrderState;
  created_at: number;
  receipt: string | null;
  ended_at: number | null;
}

export interface DeliveryRow {
  order_id: string;
  kind: DeliveryKind;
  due_at: number;
  /** When to try next. */
  next_at: number;
  give_up_at: number;
  /** Tries that failed, or whose outcome is not known. */
  attempts: Generated<number>;
  /** Bytes of the content that the terminal has. */
  progress: Generated<number>;
  delivered_at: number | null;
  given_up_at: number | null;
  last_error: string | null;
}

export type MoveOutcome = "granted" | "source-not-legal" | "license-not-held" | "other-owner";

export type LoanState = "PREPARED" | "PENDING" | "ACTIVE" | "RETURNED" | "UNPAID" | "CLOSED" | "LOST" | "NEVER_ACTIVATED";
export type AccountKind = "receivable" | "revenue" | "cash" | "card" | "due_from" | "due_to";
export type ChargeKind = "base" | "time" | "lost";
export type ReversalReason = "never activated" | "receipt after loss";

export interface LoanRow {
  id: string;
  state: LoanState;
  operator_id: string;
  kiosk_id: string;
  customer_id: string;
  content_id: string;
  version: number;
  suite: number;
  cartridge_id: string;
  card_id: string | null;
  custody: number;
  terms: string;
  tariff_id: string | null;
  counter: number | null;
  /** True while one of the content's limited copies is out for this loan. */
  copy_taken: boolean;
  prepared_at: number;
  pending_at: number | null;
  activated_at: number | null;
  deadline_at: number | null;
  /** Without a receipt by then the cartridge counts as lost. */
  lost_after: number | null;
  /** Where the time that is charged for ends. */
  ended_at: number | null;
  returned_at: number | null;
  return_kiosk_id: string | null;
  evidence: "receipt" | "card" | null;
  receipt: string | null;
  cause: number | null;
  closed_at: number | null;
}
