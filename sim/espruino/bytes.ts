/**
 * The engine's way of reading bytes out of whatever it is given: numbers, strings, arrays of such, typed arrays, `{data, count}` and
 * `{callback}` (src/jsvariterator.c). The values come from another context, so nothing is asked for its constructor.
 */
export function toBytes(value: unknown): Uint8Array {
  if (ArrayBuffer.isView(value) && (value as Uint8Array).length === value.byteLength)
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (isBuffer(value)) return new Uint8Array(value);
  if (typeof value === "string") return Buffer.from(value, "latin1");
  const out: number[] = [];
  collect(value, out);
  return Uint8Array.from(out);
}

function isBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === "[object ArrayBuffer]";
}

function collect(value: unknown, out: number[]): void {
  if (typeof value === "number" || typeof value === "boolean") out.push(Number(value) & 255);
  else if (typeof value === "string") for (let i = 0; i < value.length; i++) out.push(value.charCodeAt(i) & 255);
  else if (Array.isArray(value)) for (const item of value) collect(item, out);
  else if (ArrayBuffer.isView(value)) for (const item of value as Uint8Array) out.push(item & 255);
  else if (isBuffer(value)) for (const item of new Uint8Array(value)) out.push(item);
  else if (value && typeof value === "object") {
    const { data, count, callback } = value as { data?: unknown; count?: number; callback?: () => unknown };
    if (callback) collect(callback(), out);
    else for (let i = 0; i < (count ?? 1); i++) collect(data, out);
  }
}
