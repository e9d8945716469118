import { Scratch, takeOptionalText } from "./abi";

@external("agentruntime:agent/config@0.1.0", "get")
declare function hostGet(key: usize, keyLength: usize, result: usize): void;

/** One of the agent's own settings; null when it has none of that name. */
export function get(key: string): string | null {
  const scratch = new Scratch();
  const name = scratch.text(key);
  const result = scratch.block(12);
  hostGet(name.pointer, name.length, result);
  const value = takeOptionalText(result);
  scratch.free();
  return value;
}
