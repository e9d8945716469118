// The canonical ABI of the agent world, as far as the kit needs it: strings cross as UTF-8 in unmanaged blocks.
import { write } from "./log";

/** The host allocates what it gives to the guest through this. */
export function cabi_realloc(old: usize, oldSize: usize, align: usize, size: usize): usize {
  if (old == 0) return heap.alloc(size);
  return heap.realloc(old, size);
}

/** Takes over a text that the host has allocated here. */
export function takeText(pointer: usize, length: usize): string {
  if (length == 0) return "";
  const text = String.UTF8.decodeUnsafe(pointer, length);
  heap.free(pointer);
  return text;
}

/** Takes over an `option<string>` record. */
export function takeOptionalText(record: usize): string | null {
  if (load<u8>(record) == 0) return null;
  return takeText(load<usize>(record, 4), load<usize>(record, 8));
}

/** A text in UTF-8 for the time of one call; hold a reference until the call is over. */
export class Utf8 {
  private readonly bytes: ArrayBuffer;

  constructor(text: string) {
    this.bytes = String.UTF8.encode(text);
  }

  get pointer(): usize {
    return changetype<usize>(this.bytes);
  }

  get length(): usize {
    return this.bytes.byteLength;
  }
}

/** Blocks that a call's parameters lie in; freed together when it is over. */
export class Scratch {
  private readonly blocks: usize[] = [];
  private readonly texts: Utf8[] = [];

  block(size: usize): usize {
    const pointer = heap.alloc(size);
    memory.fill(pointer, 0, size);
    this.blocks.push(pointer);
    return pointer;
  }

  text(text: string): Utf8 {
    const bytes = new Utf8(text);
    this.texts.push(bytes);
    return bytes;
  }

  /** Writes a `string` into a record. */
  store(record: usize, text: string): void {
    const bytes = this.text(text);
    store<usize>(record, bytes.pointer);
    store<usize>(record, bytes.length, 4);
  }

  /** Writes a `list<string>`'s elements and returns where they lie. */
  list(texts: string[]): usize {
    if (texts.length == 0) return 0;
    const elements = this.block(8 * texts.length);
    for (let i = 0; i < texts.length; i++) this.store(elements + 8 * i, texts[i]);
    return elements;
  }

  free(): void {
    for (let i = 0; i < this.blocks.length; i++) heap.free(this.blocks[i]);
    this.blocks.length = 0;
  }
}

/** A refusal or failure of the platform, such as `AR2002: ...`. */
export class HostError {
  constructor(
    readonly code: string,
    readonly message: string,
    readonly where: string | null,
    readonly action: string | null,
  ) {}

  static take(record: usize): HostError {
    return new HostError(
      takeText(load<usize>(record), load<usize>(record, 4)),
      takeText(load<usize>(record, 8), load<usize>(record, 12)),
      takeOptionalText(record + 16),
      takeOptionalText(record + 28),
    );
  }

  toString(): string {
    return this.code + ": " + this.message;
  }
}

/** Either a value or the platform's refusal. */
export class Outcome<T> {
  constructor(readonly ok: T | null, readonly error: HostError | null) {}
}

/** What the language's runtime calls when a program cannot go on. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const place = (file ? file : "?") + ":" + line.toString() + ":" + column.toString();
  write(3, (message ? message : "abort") + " at " + place);
  unreachable();
}
