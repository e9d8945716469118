import { HostError, Outcome, Scratch, takeText } from "./abi";

@external("agentruntime:agent/tools@0.1.0", "list")
declare function hostList(result: usize): void;

@external("agentruntime:agent/tools@0.1.0", "call")
declare function hostCall(name: usize, nameLength: usize, json: usize, jsonLength: usize, result: usize): void;

export class Tool {
  constructor(readonly name: string, readonly description: string, readonly inputSchemaJson: string) {}
}

/** The tools that policy lets this agent see. */
export function list(): Outcome<Tool[]> {
  const scratch = new Scratch();
  const result = scratch.block(44);
  hostList(result);
  const outcome = load<u8>(result) == 0
    ? new Outcome<Tool[]>(takeTools(load<usize>(result, 4), <i32>load<usize>(result, 8)), null)
    : new Outcome<Tool[]>(null, HostError.take(result + 4));
  scratch.free();
  return outcome;
}

/** Calls a tool; the arguments are a JSON object, and the result is text or JSON text. */
export function call(name: string, argumentsJson: string): Outcome<string> {
  const scratch = new Scratch();
  const tool = scratch.text(name);
  const json = scratch.text(argumentsJson);
  const result = scratch.block(44);
  hostCall(tool.pointer, tool.length, json.pointer, json.length, result);
  const outcome = load<u8>(result) == 0
    ? new Outcome<string>(takeText(load<usize>(result, 4), load<usize>(result, 8)), null)
    : new Outcome<string>(null, HostError.take(result + 4));
  scratch.free();
  return outcome;
}

function takeTools(list: usize, count: i32): Tool[] {
  const tools = new Array<Tool>(count);
  for (let i = 0; i < count; i++) {
    const tool = list + 24 * i;
    tools[i] = new Tool(
      takeText(load<usize>(tool), load<usize>(tool, 4)),
      takeText(load<usize>(tool, 8), load<usize>(tool, 12)),
      takeText(load<usize>(tool, 16), load<usize>(tool, 20)),
    );
  }
  if (count > 0) heap.free(list);
  return tools;
}
