// As much JSON as a small agent needs: one object of texts and numbers to read, and an object to write.

export function quote(text: string): string {
  let quoted = "\"";
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c == 0x22) quoted += "\\\"";
    else if (c == 0x5c) quoted += "\\\\";
    else if (c == 0x0a) quoted += "\\n";
    else if (c < 0x20) quoted += "\\u00" + (c < 0x10 ? "0" : "") + c.toString(16);
    else quoted += String.fromCharCode(c);
  }
  return quoted + "\"";
}

export class ObjectWriter {
  private members: string = "";

  text(name: string, value: string): ObjectWriter {
    return this.raw(name, quote(value));
  }

  number(name: string, value: i64): ObjectWriter {
    return this.raw(name, value.toString());
  }

  texts(name: string, values: string[]): ObjectWriter {
    let list = "";
    for (let i = 0; i < values.length; i++) list += (i > 0 ? "," : "") + quote(values[i]);
    return this.raw(name, "[" + list + "]");
  }

  raw(name: string, json: string): ObjectWriter {
    this.members += (this.members.length > 0 ? "," : "") + quote(name) + ":" + json;
    return this;
  }

  toString(): string {
    return "{" + this.members + "}";
  }
}

/** Reads the members of one JSON object; texts are unescaped, anything else is kept as it is written. */
export class ObjectReader {
  private readonly members: Map<string, string> = new Map();
  private at: i32 = 0;

  private constructor(private readonly json: string) {}

  /** Null when the text is not a JSON object. */
  static parse(json: string): ObjectReader | null {
    const reader = new ObjectReader(json);
    return reader.readObject() ? reader : null;
  }

  has(name: string): bool {
    return this.members.has(name);
  }

  get(name: string): string {
    return this.members.has(name) ? this.members.get(name) : "";
  }

  private readObject(): bool {
    if (!this.take(0x7b)) return false;
    if (this.take(0x7d)) return this.atEnd();
    do {
      this.skipSpace();
      if (this.peek() != 0x22) return false;
      const name = this.readText();
      if (!this.take(0x3a)) return false;
      this.skipSpace();
      const start = this.at;
      if (this.peek() == 0x22) this.members.set(name, this.readText());
      else if (this.skipValue() && this.at > start) this.members.set(name, this.json.substring(start, this.at));
      else return false;
    } while (this.take(0x2c));
    return this.take(0x7d) && this.atEnd();
  }

  // Skips a number, a literal or a nested value, minding texts within it.
  private skipValue(): bool {
    let depth = 0;
    while (this.at < this.json.length) {
      const c = this.peek();
      if (c == 0x22) this.readText();
      else if (c == 0x7b || c == 0x5b) { depth++; this.at++; }
      else if (depth == 0 && (c == 0x2c || c == 0x7d || c <= 0x20)) return true;
      else if (c == 0x7d || c == 0x5d) { depth--; this.at++; if (depth == 0) return true; }
      else this.at++;
    }
    return false;
  }

  private readText(): string {
    let text = "";
    this.at++;
    while (this.at < this.json.length) {
      const c = this.json.charCodeAt(this.at++);
      if (c == 0x22) return text;
      if (c != 0x5c) { text += String.fromCharCode(c); continue; }
      const escaped = this.peek();
      this.at++;
      if (escaped == 0x6e) text += "\n";
      else if (escaped == 0x74) text += "\t";
      else if (escaped == 0x72) text += "\r";
      else if (escaped == 0x62) text += "\b";
      else if (escaped == 0x66) text += "\f";
      else if (escaped == 0x75) {
        text += String.fromCharCode(<i32>parseInt(this.json.substr(this.at, 4), 16));
        this.at += 4;
      } else text += String.fromCharCode(escaped);
    }
    return text;
  }

  private take(c: i32): bool {
    this.skipSpace();
    if (this.peek() != c) return false;
    this.at++;
    return true;
  }

  private atEnd(): bool {
    this.skipSpace();
    return this.at >= this.json.length;
  }

  private peek(): i32 {
    return this.at < this.json.length ? this.json.charCodeAt(this.at) : 0;
  }

  private skipSpace(): void {
    while (this.at < this.json.length && this.peek() <= 0x20) this.at++;
  }
}
