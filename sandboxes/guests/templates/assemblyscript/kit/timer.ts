import { HostError, Scratch } from "./abi";

@external("agentruntime:agent/timer@0.1.0", "sleep")
declare function hostSleep(milliseconds: u64, result: usize): void;

/** Milliseconds since 1970-01-01T00:00Z. */
@external("agentruntime:agent/timer@0.1.0", "now")
export declare function now(): u64;

/** Waits without holding a thread; null, or why not. */
export function sleep(milliseconds: u64): HostError | null {
  const scratch = new Scratch();
  const result = scratch.block(44);
  hostSleep(milliseconds, result);
  let error: HostError | null = null;
  if (load<u8>(result) != 0) error = HostError.take(result + 4);
  scratch.free();
  return error;
}
