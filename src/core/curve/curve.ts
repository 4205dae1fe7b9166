/** X25519 (RFC 7748) and Ed25519 (RFC 8032), each in one go or in slices. */
export { x25519, x25519Base, x25519Start, x25519Step } from "./x25519.js";
export { ed25519PublicKey, ed25519Sign, ed25519Verify, ed25519VerifyStart, ed25519VerifyStep } from "./ed25519.js";
