import * as inference from "./kit/inference";
import * as log from "./kit/log";
import { RunResult, runWith } from "./kit/run";

export { cabi_realloc } from "./kit/abi";

export function run(input: usize, length: usize): usize {
  return runWith(input, length, agent);
}

function agent(input: string): RunResult {
  log.info("asked: " + input);
  const options = new inference.Options();
  options.maxOutputTokens = 128;
  const answer = inference.send([new inference.Message(inference.Role.User, input)], options);
  if (answer.error) return RunResult.err(answer.error!.toString());
  return RunResult.ok(answer.ok!.content);
}
