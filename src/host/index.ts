/** `leyden/host`: the host's side of the wire, for simulated devices and real ones on a serial port, over TCP, or as a PC/SC card. */
export { enroll } from "./enrollment.js";
export { nodeNatives } from "./natives-node.js";
export { HostParty } from "./party.js";
export { openPort } from "./open.js";
export { openSerial } from "./serial.js";
export { DeviceError, DeviceSession, SessionError, type ApduTransport, type DeviceInfo } from "./session.js";
export { describeRefused, describeStatus } from "./status.js";
export { openTcp } from "./tcp.js";
export { Transport } from "./transport.js";
