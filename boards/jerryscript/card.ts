import { card } from "leyden:board";
import { startCard } from "../../src/card/card.js";

startCard(card());
