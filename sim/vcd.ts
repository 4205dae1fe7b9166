/**
 * The trace as a value change dump (IEEE 1364-2001, clause 18) for GTKWave or Surfer: voltages as reals, power, key-valid, charging and
 * LEDs as bits, each direction of each wire as a bit that is high while bytes are under way. Time unit 1 ns.
 */
import type { Trace } from "./trace.js";

interface Change {
  t: number;
  id: string;
  value: string;
}

export function toVcd(trace: Trace, version = "leyden"): string {
  const signals = new Map<string, { id: string; type: "wire" | "real"; scope: string; name: string }>();
  const changes: Change[] = [];
  const signal = (scope: string, name: string, type: "wire" | "real" = "wire"): string => {
    const key = `${scope}.${name}`;
    let known = signals.get(key);
    if (!known) signals.set(key, (known = { id: code(signals.size), type, scope, name }));
    return known.id;
  };
  const bit = (t: number, id: string, on: boolean): void => {
    changes.push({ t, id, value: on ? "1" : "0" });
  };
  for (const event of trace.events) {
    const { t, device } = event;
    if (event.kind === "voltage") changes.push({ t, id: signal(device, "capacitor_V", "real"), value: `r${String(event.volts)} ` });
    else if (event.kind === "power") bit(t, signal(device, "power"), event.on);
    else if (event.kind === "key") bit(t, signal(device, "key_valid"), event.valid);
    else if (event.kind === "charge") bit(t, signal(device, "charging"), event.on);
    else if (event.kind === "led") bit(t, signal(device, `led_${event.pin}`), event.on);
    else if (event.kind === "wire") bit(t, signal(`wire_${event.wire}`, "plugged"), event.plugged);
    else if (event.kind === "frame") {
      const id = signal(`wire_${event.wire}`, event.from);
      bit(event.start, id, true);
      bit(t, id, false);
    }
  }
  changes.sort((a, b) => a.t - b.t);
  const scopes = new Map<string, string[]>();
  for (const { id, type, scope, name } of signals.values()) {
    const lines = scopes.get(scope) ?? [];
    scopes.set(scope, lines);
    lines.push(`$var ${type} ${type === "real" ? "64" : "1"} ${id} ${plain(name)} $end`);
  }
  const out = [`$version ${version} $end`, "$timescale 1 ns $end"];
  for (const [scope, lines] of scopes) out.push(`$scope module ${plain(scope)} $end`, ...lines, "$upscope $end");
  out.push("$enddefinitions $end", "#0", "$dumpvars");
  for (const { id, type } of signals.values()) out.push(type === "real" ? `r0 ${id}` : `0${id}`);
  out.push("$end");
  let time = 0;
  for (const { t, id, value } of changes) {
    const nanoseconds = Math.round(t * 1000);
    if (nanoseconds !== time) out.push(`#${String(nanoseconds)}`);
    time = nanoseconds;
    out.push(value + id);
  }
  return out.join("\n") + "\n";
}

/** Identifier codes of printable characters, 33 to 126. */
function code(index: number): string {
  let text = "";
  for (let rest = index; ; rest = Math.floor(rest / 94) - 1) {
    text += String.fromCharCode(33 + (rest % 94));
    if (rest < 94) return text;
  }
}

function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, "_") || "_";
}
