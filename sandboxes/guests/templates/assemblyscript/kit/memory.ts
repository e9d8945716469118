// What the agent keeps from one run to the next, in buckets that its policy grants.
import { HostError, Outcome, Scratch, takeOptionalText, takeText } from "./abi";

@external("agentruntime:agent/memory@0.1.0", "get")
declare function hostGet(bucket: usize, bucketLength: usize, key: usize, keyLength: usize, result: usize): void;

@external("agentruntime:agent/memory@0.1.0", "exists")
declare function hostExists(bucket: usize, bucketLength: usize, key: usize, keyLength: usize, result: usize): void;

@external("agentruntime:agent/memory@0.1.0", "delete")
declare function hostDelete(bucket: usize, bucketLength: usize, key: usize, keyLength: usize, result: usize): void;

@external("agentruntime:agent/memory@0.1.0", "set")
declare function hostSet(
  bucket: usize, bucketLength: usize, key: usize, keyLength: usize, value: usize, valueLength: usize, result: usize,
): void;

@external("agentruntime:agent/memory@0.1.0", "list-keys")
declare function hostListKeys(
  bucket: usize, bucketLength: usize, hasCursor: i32, cursor: usize, cursorLength: usize, result: usize,
): void;

/** Some keys, and where the next page begins; null after the last. */
export class KeyPage {
  constructor(readonly keys: string[], readonly cursor: string | null) {}
}

/** A yes or no that a call may give. */
export class Flag {
  constructor(readonly value: bool) {}
}

/** A key's value; neither value nor error when there is none. */
export function get(bucket: string, key: string): Outcome<ArrayBuffer> {
  const scratch = new Scratch();
  const name = scratch.text(bucket);
  const at = scratch.text(key);
  const result = scratch.block(44);
  hostGet(name.pointer, name.length, at.pointer, at.length, result);
  const outcome = load<u8>(result) != 0
    ? new Outcome<ArrayBuffer>(null, HostError.take(result + 4))
    : new Outcome<ArrayBuffer>(load<u8>(result, 4) == 0 ? null : takeBytes(result + 8), null);
  scratch.free();
  return outcome;
}

/** A key's value as UTF-8 text; neither value nor error when there is none. */
export function getText(bucket: string, key: string): Outcome<string> {
  const found = get(bucket, key);
  const bytes = found.ok;
  return new Outcome<string>(bytes ? String.UTF8.decode(bytes) : null, found.error);
}

/** Gives a key a value; null, or why not. */
export function set(bucket: string, key: string, value: ArrayBuffer): HostError | null {
  const scratch = new Scratch();
  const name = scratch.text(bucket);
  const at = scratch.text(key);
  const result = scratch.block(44);
  hostSet(name.pointer, name.length, at.pointer, at.length, changetype<usize>(value), value.byteLength, result);
  return done(scratch, result);
}

/** Gives a key a text; null, or why not. */
export function setText(bucket: string, key: string, value: string): HostError | null {
  return set(bucket, key, String.UTF8.encode(value));
}

/** Takes a key away, if it is there; null, or why not. */
export function remove(bucket: string, key: string): HostError | null {
  const scratch = new Scratch();
  const name = scratch.text(bucket);
  const at = scratch.text(key);
  const result = scratch.block(44);
  hostDelete(name.pointer, name.length, at.pointer, at.length, result);
  return done(scratch, result);
}

/** Whether a key has a value. */
export function exists(bucket: string, key: string): Outcome<Flag> {
  const scratch = new Scratch();
  const name = scratch.text(bucket);
  const at = scratch.text(key);
  const result = scratch.block(44);
  hostExists(name.pointer, name.length, at.pointer, at.length, result);
  const outcome = load<u8>(result) == 0
    ? new Outcome<Flag>(new Flag(load<u8>(result, 4) != 0), null)
    : new Outcome<Flag>(null, HostError.take(result + 4));
  scratch.free();
  return outcome;
}

/** A page of keys in order: the first, or the one that begins at the cursor of the page before. */
export function listKeys(bucket: string, cursor: string | null = null): Outcome<KeyPage> {
  const scratch = new Scratch();
  const name = scratch.text(bucket);
  const at = scratch.text(cursor ? cursor : "");
  const result = scratch.block(44);
  hostListKeys(name.pointer, name.length, cursor ? 1 : 0, at.pointer, at.length, result);
  const outcome = load<u8>(result) == 0
    ? new Outcome<KeyPage>(
      new KeyPage(takeTexts(load<usize>(result, 4), <i32>load<usize>(result, 8)), takeOptionalText(result + 12)), null)
    : new Outcome<KeyPage>(null, HostError.take(result + 4));
  scratch.free();
  return outcome;
}

function done(scratch: Scratch, result: usize): HostError | null {
  let error: HostError | null = null;
  if (load<u8>(result) != 0) error = HostError.take(result + 4);
  scratch.free();
  return error;
}

function takeBytes(list: usize): ArrayBuffer {
  const length = <i32>load<usize>(list, 4);
  const bytes = new ArrayBuffer(length);
  if (length == 0) return bytes;
  const pointer = load<usize>(list);
  memory.copy(changetype<usize>(bytes), pointer, length);
  heap.free(pointer);
  return bytes;
}

function takeTexts(list: usize, count: i32): string[] {
  const texts = new Array<string>(count);
  for (let i = 0; i < count; i++) texts[i] = takeText(load<usize>(list + 8 * i), load<usize>(list + 8 * i, 4));
  if (count > 0) heap.free(list);
  return texts;
}
