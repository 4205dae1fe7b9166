import { client } from "leyden:board";
import { startClient } from "../../src/client/client.js";

startClient(client());
