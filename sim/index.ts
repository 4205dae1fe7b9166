/** `leyden/sim`: boards, wires, supplies and slots in virtual time, which run the bundles that are flashed; and a whole loan with them. */
export type { EspruinoBoard } from "./espruino.js";
export { ESPRUINOWIFI, PICO, PUCKJS, type EngineProfile } from "./espruino/profile.js";
export { runLoan, type LoanOptions, type LoanResult } from "./loan.js";
export { LoanWorld, virtualTimers, type LoanWorldOptions } from "./loan-world.js";
export { builtBundle, capacitorFor, specimen, storedBundle, type DeviceName, type EngineName } from "./specimens.js";
export { World, type Slot, type WorldOptions } from "./world.js";
