import { BUTTON, CONSOLE, PRESSED, client } from "leyden:board";
import { startClient } from "../../src/client/client.js";
import { boot } from "./boot.js";

boot(BUTTON, PRESSED, CONSOLE, client, startClient);
