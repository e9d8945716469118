import { takeText } from "./abi";

const area = memory.data(12, 4);
let output: ArrayBuffer = new ArrayBuffer(0);

/** What an agent's `run` ends with. */
export class RunResult {
  private constructor(readonly failed: bool, readonly text: string) {}

  static ok(output: string): RunResult {
    return new RunResult(false, output);
  }

  static err(error: string): RunResult {
    return new RunResult(true, error);
  }
}

/** Turns the world's `run` into a function of strings: the body of the agent's `run` export. */
export function runWith(pointer: usize, length: usize, agent: (input: string) => RunResult): usize {
  const result = agent(takeText(pointer, length));
  output = String.UTF8.encode(result.text);
  store<u8>(area, result.failed ? 1 : 0);
  store<usize>(area, changetype<usize>(output), 4);
  store<usize>(area, output.byteLength, 8);
  return area;
}
