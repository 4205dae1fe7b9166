import { cartridge } from "leyden:board";
import { startCartridge } from "../../src/cartridge/cartridge.js";

startCartridge(cartridge());
