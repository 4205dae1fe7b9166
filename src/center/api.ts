/**
 * What a kiosk asks of the center during a loan. Over HTTP or in the same process, the calls are these; each may be repeated with the same arguments and
 * then answers the same.
 */
export interface LoanRequest {
  contentId: Uint8Array;
  cartridgeId: Uint8Array;
  cardId: Uint8Array;
  kioskId: Uint8Array;
  /** Terms as the kiosk proposes them, 48 bytes; the center may refuse them. */
  terms: Uint8Array;
  /** Makes the request repeatable: the same key, the same loan. */
  idempotencyKey: string;
}

export interface PreparedLoan {
  loanId: Uint8Array;
  /** What the card shall seal for the center: loan id, content id, cartridge id, terms; 88 bytes. */
  contract: Uint8Array;
  /** Stream header of the sealed content, its length with the header left out, and the sample rate (0 for plain bytes). */
  header: Uint8Array;
  sealedLength: number;
  rate: number;
}

export interface LoanCenter {
  prepare(request: LoanRequest): Promise<PreparedLoan>;
  /**
   * The center authenticates the card of a loan itself; the kiosk only carries the messages. Answers the certificates (128 bytes each) of the card's enrolled
   * readers that may be introduced. A center that has this call gives no license before.
   */
  meet?(loanId: Uint8Array, carry: (apdu: Uint8Array) => Promise<Uint8Array>): Promise<Uint8Array[]>;
  /** Opens the card's sealed contract (120 bytes), and answers the license sealed for the card (172 bytes). */
  issueLicense(loanId: Uint8Array, sealedContract: Uint8Array): Promise<Uint8Array>;
  /** The operator's section of adverts for the cartridge (docs/format.md), at most `room` bytes; empty where there are none. A center that has none leaves the call out. */
  adverts?(loanId: Uint8Array, room: number): Promise<Uint8Array>;
  /** Checks the card's completion (16 bytes); only then may the content be recorded. */
  completeContract(loanId: Uint8Array, completion: Uint8Array): Promise<void>;
  /** Key load (132 bytes) over the cartridge's challenge, and the loan envelope (48 bytes). `counter` is the highest that the cartridge has accepted. */
  loadKey(loanId: Uint8Array, challenge: Uint8Array, counter: number): Promise<{ keyLoad: Uint8Array; envelope: Uint8Array }>;
  /** Checks that the cartridge holds the key (16 bytes), commits the loan, and answers the sealed activation (40 bytes). */
  activate(loanId: Uint8Array, held: Uint8Array): Promise<Uint8Array>;
  /** Takes an erasure receipt (60 bytes) and answers the acknowledgement for the cartridge (16 bytes). */
  receive(receipt: Uint8Array): Promise<Uint8Array>;
  /** Orders the card to destroy the license of a loan: 48 bytes, sealed for the card. */
  revokeLicense(loanId: Uint8Array): Promise<Uint8Array>;
  /** Checks the card's proof (16 bytes) that it holds the license no longer. */
  licenseRevoked(loanId: Uint8Array, proof: Uint8Array): Promise<void>;
}
