import { BUTTON, CONSOLE, PRESSED, card } from "leyden:board";
import { startCard } from "../../src/card/card.js";
import { boot } from "./boot.js";

boot(BUTTON, PRESSED, CONSOLE, card, startCard);
