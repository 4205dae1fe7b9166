import { reader } from "leyden:board";
import { startReader } from "../../src/reader/reader.js";

startReader(reader());
