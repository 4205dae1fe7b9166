/** Secrets that a test knows, and the ways in which one could be written down by mistake. */

/** In hex, in base64 at each of its three alignments, as numbers, and as it is; halves too, since a text may break anywhere. */
function forms(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), buffer])
      .toString("base64")
      .replace(/=+$/, "");
    // The first and the last characters depend on what stands beside them.
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  });
  return [
    buffer.toString("hex"),
    buffer.toString("hex").toUpperCase(),
    ...base64,
    ...base64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
    bytes.join(","),
    bytes.join(", "),
    buffer.toString("latin1"),
  ];
}

export class Secrets {
  private readonly names = new Map<string, string>();

  get kinds(): string[] {
    return [...new Set(this.names.values())];
  }

  /** Remembers 16 bytes or more; zeros are nobody's secret. */
  add(name: string, bytes: Uint8Array): void {
    if (bytes.length < 16 || bytes.every((byte) => byte === 0)) return;
    for (let at = 0; at + 16 <= bytes.length; at += 16) for (const form of forms(bytes.slice(at, at + 16))) this.names.set(form, name);
  }

  /** Names of the secrets that a text holds; files are read as latin1. */
  in(text: string): string[] {
    const found = new Set<string>();
    for (const [form, name] of this.names) if (text.includes(form)) found.add(name);
    return [...found];
  }
}
