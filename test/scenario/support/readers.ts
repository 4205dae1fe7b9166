/** A household's own readers: their boards, their license servers, and terminals that carry what they cannot read. */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import * as api from "../../../src/center/api/household-routes.js";
import { writeIdentity } from "../../../src/center/keys/identity.js";
import { ROLE_LICENSE_SERVER } from "../../../src/core/protocol/constants.js";
import { CLIENT_FINISHED, ClientDevice } from "../../../src/host/client-device.js";
import { ContentFolder, HouseholdProblem, HouseholdTerminal, LicenseServerClient } from "../../../src/host/household.js";
import type { Carried, Parcel } from "../../../src/host/parcel.js";
import { openTcp } from "../../../src/host/tcp.js";
import { Transport } from "../../../src/host/transport.js";
import { addContent, enrollBoard } from "./delivery.js";
import { Service, until, type Board, type Part, type Title } from "./service.js";

export interface LicenseServer {
  id: string;
  url: string;
  part: Part;
  identity: string;
}

export interface Reader {
  name: string;
  board: Board;
  id: string;
  folder: string;
  server: LicenseServer;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export class ReadersService extends Service {
  async licenseServer(name: string): Promise<LicenseServer> {
    const identity = join(this.folder, `${name}.json`);
    const now = Math.floor(Date.now() / 1000);
    const made = this.keys.makeIdentity(ROLE_LICENSE_SERVER, { notBefore: now - 60, notAfter: now + 86_400 });
    writeIdentity(identity, made);
    const { id } = await this.staff.call(api.addLicenseServer, {
      body: { name, chain: hex(made.signingChain), address: "http://127.0.0.1:1" },
    });
    return { id, identity, ...(await this.startServer(identity)) };
  }

  async startServer(identity: string, port = "0"): Promise<{ url: string; part: Part }> {
    const part = this.start("license server", "license-server", "--identity", identity, "--center", this.url, "--port", port);
    const [, url] = await part.says(/listens at (http:\S+)\.$/);
    return { url, part };
  }

  /** Starts a server again that was killed, at its old address. */
  async restart(server: LicenseServer): Promise<void> {
    Object.assign(server, await this.startServer(server.identity, new URL(server.url).port));
  }

  /** Enrolls a client's board and registers it for a customer. */
  async reader(name: string, board: Board, customerId: string, server: LicenseServer): Promise<Reader> {
    const id = await enrollBoard(this, board, customerId);
    await this.staff.call(api.registerClient, { body: { clientId: id, licenseServerId: server.id, name } });
    return { name, board, id, folder: join(this.folder, `${name} contents`), server };
  }

  /** A content of 3,000 bytes with a price for license and copy. */
  async title(name: string, operatorId: string): Promise<Title> {
    const plain = new Uint8Array(randomBytes(3000));
    const id = await addContent(this.staff, operatorId, name, plain);
    const body = { operatorId, licensePrice: 300, copyPrice: 40 };
    await this.staff.call(api.setHouseholdPrice, { params: { contentId: id }, body });
    return { id, plain };
  }

  /** A terminal of the test's own, for what no command does. */
  async at<T>(reader: Reader, run: (home: HouseholdTerminal) => Promise<T>): Promise<T> {
    const transport = new Transport(await openTcp(reader.board.addresses.host));
    try {
      await transport.reset();
      return await run(
        new HouseholdTerminal(new ClientDevice(transport), new LicenseServerClient(reader.server.url), new ContentFolder(reader.folder)),
      );
    } finally {
      await transport.close();
    }
  }

  /** Fetches a content and a license of it. */
  async get(reader: Reader, title: Title): Promise<void> {
    await this.at(reader, async (home) => {
      await home.fetch(title.id);
      await home.license(title.id);
    });
  }

  /** False when the client refuses to play. */
  async plays(reader: Reader, title: Title): Promise<boolean> {
    const before = this.played(reader.name).length;
    const status = await this.at(reader, (home) =>
      home.client.play(unhex(title.id), null, () => Promise.resolve(home.contents.source(title.id))),
    );
    if (status.state !== CLIENT_FINISHED) return false;
    await until(() => this.played(reader.name).length > before, "playing");
    assert.is(sha256(this.played(reader.name).at(-1) ?? new Uint8Array(0)), sha256(title.plain));
    return true;
  }
}

/** A parcel, and the sealed bytes that a terminal keeps. */
export const carried = (parcel: Parcel, from: Reader): Carried => ({
  parcel,
  bytes: (start) => createReadStream(join(from.folder, `${parcel.content.contentId}.sealed`), { start }) as AsyncIterable<Uint8Array>,
});

/** The license server refuses, by the stable name of the problem. */
export async function refusedBy(work: Promise<unknown>, problem: string): Promise<void> {
  await work.then(
    () => assert.unreachable(`not refused: ${problem}`),
    (error: unknown) => {
      assert.instance(error, HouseholdProblem);
      assert.is((error as HouseholdProblem).problem, problem);
    },
  );
}
