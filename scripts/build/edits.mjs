/** Non-overlapping replacements in a source text, collected in any order and applied at once. */
export function editor(source) {
  const edits = [];
  return {
    replace(start, end, text) {
      edits.push({ start, end, text, order: edits.length });
    },
    toString() {
      edits.sort((a, b) => a.start - b.start || a.end - b.end || a.order - b.order);
      let out = "";
      let at = 0;
      for (const edit of edits) {
        if (edit.start < at) throw new Error(`two edits overlap at ${edit.start}`);
        out += source.slice(at, edit.start) + edit.text;
        at = edit.end;
      }
      return out + source.slice(at);
    },
  };
}
