import { ObjectReader, ObjectWriter } from "./kit/json";
import { RunResult, runWith } from "./kit/run";

export { cabi_realloc } from "./kit/abi";

export function run(input: usize, length: usize): usize {
  return runWith(input, length, tool);
}

/** A tool: its input is the call's arguments as JSON, its output the result. */
function tool(input: string): RunResult {
  const members = ObjectReader.parse(input);
  if (!members) return RunResult.err("the arguments are not a JSON object");
  const text = members.get("text");
  let words = 0;
  let inWord = false;
  for (let i = 0; i < text.length; i++) {
    const space = text.charCodeAt(i) <= 0x20 || text.charCodeAt(i) == 0xa0;
    if (!space && !inWord) words++;
    inWord = !space;
  }
  return RunResult.ok(new ObjectWriter().number("words", words).toString());
}
