/** Numbers that appear on wires and in records. Every party uses these, so that each is written down once. */

/** Protocol version: P1 of GENERAL AUTHENTICATE and the first byte of a certificate. */
export const PROTOCOL_VERSION = 1;

export const ROLE_CARD = 1;
export const ROLE_CARTRIDGE = 2;
export const ROLE_READER = 3;
export const ROLE_KIOSK = 4;
export const ROLE_CLIENT = 5;
export const ROLE_CENTER = 6;
export const ROLE_ISSUER = 7;
export const ROLE_LICENSE_SERVER = 8;
export const ROLE_STORE = 9;

/** Where the loan key is kept: cartridge key memory, the card's license, or one share in each. */
export const CUSTODY_CARTRIDGE = 1;
export const CUSTODY_CARD = 2;
export const CUSTODY_SPLIT = 3;

/** Standard instructions (ISO/IEC 7816-4 and -8), class 0x00; class 0x0C inside a session. */
export const INS_GENERATE_KEY_PAIR = 0x46;
export const INS_GENERAL_AUTHENTICATE = 0x86;
export const INS_SELECT = 0xa4;
export const INS_GET_DATA = 0xca;
export const INS_PUT_DATA = 0xda;

/** Leyden's own instructions, class 0x80; class 0x8C inside a session. */
export const INS_SEED = 0x10;
export const INS_PERSONALIZE = 0x12;
export const INS_ROTATE = 0x14;
/** Card, in a reader's session. */
export const INS_REQUEST_KEY = 0x20;
export const INS_END_PLAY = 0x22;
/** Card, in a kiosk's session. */
export const INS_CONTRACT = 0x30;
export const INS_CONTRACT_KEY = 0x32;
export const INS_REVOKE_LICENSE = 0x34;
/** Cartridge, in a kiosk's session. */
export const INS_PREPARE = 0x40;
export const INS_RECORD = 0x42;
export const INS_LOAD_KEY = 0x44;
export const INS_ACTIVATE = 0x48;
export const INS_ACKNOWLEDGE = 0x4a;
/** The read program, while its key is pending. */
export const INS_LOAD_PROGRAM = 0x4c;
/** Cartridge, by anyone: destroying discloses nothing. */
export const INS_ERASE = 0x5e;
/** Cartridge, in a reader's session. */
export const INS_GET_LOAN = 0x50;
export const INS_GET_KEY = 0x52;
export const INS_READ_CHUNKS = 0x54;
/** Reader, from its host port. */
export const INS_PLAY = 0x60;
export const INS_STATUS = 0x62;
/** Client, from its host port, besides PLAY and STATUS; none needs a session, since each message is sealed or a proof by itself. */
export const INS_STOP = 0x64;
/** Content that the host has: to play (P2 0) or to keep (P2 1). */
export const INS_OFFER = 0x66;
export const INS_SUPPLY = 0x68;
/** P2 0 answers a nonce, P2 1 takes the statement over it. */
export const INS_TIME = 0x6a;
export const INS_LOAD_PERIOD_KEY = 0x6c;
export const INS_PERIOD_RECEIPT = 0x6e;
export const INS_REGISTER = 0x70;
export const INS_TREE_KEYS = 0x72;
/** P1 P2: offset of this part of the slice; FFFF opens it. */
export const INS_ENABLE = 0x74;
/** P2 0 asks for a license, P2 1 takes it. */
export const INS_LICENSE = 0x76;
/** P2 0 asks to move a license away, P2 1 removes it. */
export const INS_MOVE = 0x78;
export const INS_COPY = 0x7a;
/** P1: place of the icon area. */
export const INS_ADVERT = 0x7c;
/** Reader and client: the adverts on the cartridge, for whoever has the screen. */
export const INS_READ_ADVERTS = 0x7e;

/** Tags of GET DATA and PUT DATA (P1 P2). */
export const TAG_DEVICE = 0x0101;
export const TAG_TICKET = 0x0110;
export const TAG_READER_CERTIFICATE = 0x0120;
export const TAG_MAILBOX = 0x0130;
export const TAG_RECEIPT = 0x0140;
export const TAG_RECOMMENDATIONS = 0x0150;
export const TAG_LICENSE = 0x0160;
export const TAG_REVOKED = 0x0170;
export const TAG_REGISTRATION = 0x0180;
export const TAG_CLICKS = 0x0190;
/** Client: period key at place n, and license at place n, in the low byte. */
export const TAG_PERIODS = 0x0200;
export const TAG_CLIENT_LICENSES = 0x0300;

/** Longest data field of one message: a certificate chain each way, a sealed chunk, or a license with both its keys. */
export const MESSAGE_LENGTH = 640;
