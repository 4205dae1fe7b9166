import { BUTTON, CONSOLE, PRESSED, cartridge } from "leyden:board";
import { startCartridge } from "../../src/cartridge/cartridge.js";
import { boot } from "./boot.js";

boot(BUTTON, PRESSED, CONSOLE, cartridge, startCartridge);
