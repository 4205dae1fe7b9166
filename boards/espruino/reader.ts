import { BUTTON, CONSOLE, PRESSED, reader } from "leyden:board";
import { startReader } from "../../src/reader/reader.js";
import { boot } from "./boot.js";

boot(BUTTON, PRESSED, CONSOLE, reader, startReader);
