import { ed25519PublicKey, ed25519Sign, x25519Base } from "../src/core/curve/curve.js";
import { adoptNatives } from "../src/core/adopt.js";
import { CERTIFICATE_CONTEXT, writeCertificate } from "../src/core/protocol/certificate.js";
import { nodeNatives } from "../src/host/natives-node.js";
import { adoptLines, engines, runEntry, type Engine } from "../test/crypto/engine.js";
import { timeAuthentications } from "./authentication.js";
import { median, row, type Row } from "./measure.js";

const WORK = "authentication of a known pair, both sides";
const PEER = "ours, by certificates";
const fill = (value: number, length = 32) => new Uint8Array(length).fill(value);

function certificate(signer: Uint8Array, algorithm: number, role: number, publicKey: Uint8Array): Uint8Array {
  const out = new Uint8Array(128);
  const issuerKey = fill(0);
  const signature = new Uint8Array(64);
  ed25519PublicKey(issuerKey, signer);
  writeCertificate(out, {
    algorithm,
    role,
    suites: 3,
    subject: fill(role, 8),
    issuerKey,
    serial: 1,
    notBefore: 0,
    notAfter: 0xffffffff,
    publicKey,
  });
  ed25519Sign(signature, signer, [CERTIFICATE_CONTEXT, out.subarray(0, 64)]);
  out.set(signature, 64);
  return out;
}

function fixtures() {
  const key = fill(7);
  const point = fill(0);
  const root = fill(0);
  const issuer = fill(0);
  x25519Base(point, key);
  ed25519PublicKey(root, fill(8));
  ed25519PublicKey(issuer, fill(9));
  const issuerCertificate = certificate(fill(8), 2, 7, issuer);
  const chain = (role: number) => Uint8Array.from([...certificate(fill(9), 1, role, point), ...issuerCertificate]);
  return { card: chain(1), reader: chain(3), key, root };
}

/** What a known pair gains over certificates, on Node and on the engines. */
export async function pairRows(rounds: number): Promise<Row[]> {
  const { card, reader, key, root } = fixtures();
  const rows: Row[] = [];
  const add = (engine: string, times: number[][]) => {
    if (times.some((pair) => pair.length !== 2)) throw new Error(`${WORK}: it failed on ${engine}`);
    rows.push(row(engine, WORK, PEER, "ms", median(times.map((pair) => pair[1])), median(times.map((pair) => pair[0]))));
  };
  adoptNatives(nodeNatives);
  const here = Array.from({ length: rounds + 3 }, () => timeAuthentications(card, reader, key, root, () => performance.now(), 200));
  adoptNatives({});
  add("node", here.slice(3));
  for (const engine of Object.keys(engines) as Engine[]) {
    if (!engines[engine]) continue;
    const bytes = (value: Uint8Array) => `new Uint8Array([${Array.from(value).join(",")}])`;
    const entry = `${adoptLines(engine)}
import { timeAuthentications } from "./bench/authentication.js";
declare function getTime(): number;
declare const print: (text: string) => void;
function clock(): number {
  return ${engine === "espruino" ? "getTime() * 1000" : "Date.now()"};
}
print("times " + refused + " " + timeAuthentications(${[card, reader, key, root].map(bytes).join(", ")}, clock, 20).join(" "));
`;
    const times: number[][] = [];
    for (let turn = 0; turn < rounds; turn++) {
      const output = await runEntry(engine, entry);
      const found = /times 0 ([\d.]+) ([\d.]+)/.exec(output);
      if (!found) throw new Error(`${WORK}: ${output.slice(-300)}`);
      times.push([Number(found[1]), Number(found[2])]);
    }
    add(engine, times);
  }
  return rows;
}
