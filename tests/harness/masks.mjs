// Secrets of a job, and how the runner hides them: as they are and in the forms in which they usually leak.

export class Masks {
  #values = new Set();

  /** Hide a value, each of its lines, and what encoders make of them. */
  add(value) {
    for (const part of [value, ...value.split(/[\r\n]+/)]) {
      if (part.trim()) for (const form of forms(part)) this.#values.add(form);
    }
  }

  /** The text with every secret replaced by three stars; secrets that touch or overlap become one. */
  apply(text) {
    const spans = [];
    for (const value of this.#values) {
      for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + 1)) spans.push([at, at + value.length]);
    }
    spans.sort(([a], [b]) => a - b);
    let masked = "";
    let done = 0;
    let open = -1;
    for (const [start, end] of spans) {
      if (start > open) {
        masked += text.slice(done, start) + "***";
      }
      open = Math.max(open, end);
      done = open;
    }
    return masked + text.slice(done);
  }

  hides(text) {
    return this.apply(text) !== text;
  }

  list() {
    return [...this.#values].sort();
  }
}

function forms(value) {
  const bytes = Buffer.from(value);
  const json = JSON.stringify(value).slice(1, -1);
  const xml = value.replace(
    /[<>&'"]/g,
    (c) => ({ "<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&apos;", '"': "&quot;" })[c],
  );
  const all = [
    value,
    ...base64(bytes),
    json,
    encodeURIComponent(value),
    xml,
    value.replaceAll("'", "''"),
    value.replaceAll('"', '\\"'),
  ];
  if (value.length > 8) all.push(value.replace(/^"+|"+$/g, ""));
  return all.filter((form) => form.trim());
}

/** What stays the same of the value in any Base64 text that contains it, for each of the three alignments. */
function base64(bytes) {
  return [0, 1, 2]
    .filter((shift) => bytes.length > shift + 2)
    .map((shift) => {
      const encoded = bytes.subarray(shift).toString("base64");
      return shift ? encoded.replace(/=+$/, "") : encoded;
    });
}
