import { HostError, Outcome, Scratch, takeText } from "./abi";

@external("agentruntime:agent/inference@0.1.0", "send")
declare function hostSend(
  messages: usize, messageCount: usize,
  hasModel: u32, model: usize, modelLength: usize,
  hasMaxOutputTokens: u32, maxOutputTokens: u32,
  hasTemperature: u32, temperature: f32,
  hasSeed: u32, seed: i64,
  stopSequences: usize, stopSequenceCount: usize,
  tools: usize, toolCount: usize,
  result: usize,
): void;

export enum Role {
  System,
  User,
  Assistant,
  Tool,
}

export class ToolCall {
  constructor(readonly id: string, readonly name: string, readonly argumentsJson: string) {}
}

export class Message {
  toolCalls: ToolCall[] = [];
  toolCallId: string | null = null;

  constructor(readonly role: Role, readonly content: string) {}
}

/** What is not set is left to the agent's policy or to the model. */
export class Options {
  model: string | null = null;
  maxOutputTokens: i32 = -1;
  temperature: f32 = f32.NaN;
  seed: i64 = 0;
  hasSeed: bool = false;
  stopSequences: string[] = [];
  tools: string[] = [];
}

export enum FinishReason {
  Stop,
  Length,
  ToolCalls,
  ContentFilter,
  Other,
}

export class Response {
  constructor(
    readonly content: string,
    readonly toolCalls: ToolCall[],
    readonly finishReason: FinishReason,
    readonly promptTokens: u32,
    readonly cachedPromptTokens: u32,
    readonly outputTokens: u32,
  ) {}
}

/** Asks a model and waits for its whole answer. */
export function send(messages: Message[], options: Options): Outcome<Response> {
  const scratch = new Scratch();
  const list = scratch.block(32 * max(1, messages.length));
  for (let i = 0; i < messages.length; i++) storeMessage(scratch, list + 32 * i, messages[i]);
  const model = scratch.text(options.model ? options.model! : "");
  const result = scratch.block(44);
  hostSend(
    list, messages.length,
    options.model ? 1 : 0, model.pointer, model.length,
    options.maxOutputTokens >= 0 ? 1 : 0, max(0, options.maxOutputTokens),
    isNaN(options.temperature) ? 0 : 1, isNaN(options.temperature) ? 0 : options.temperature,
    options.hasSeed ? 1 : 0, options.seed,
    scratch.list(options.stopSequences), options.stopSequences.length,
    scratch.list(options.tools), options.tools.length,
    result,
  );
  const outcome = load<u8>(result) == 0
    ? new Outcome<Response>(takeResponse(result + 4), null)
    : new Outcome<Response>(null, HostError.take(result + 4));
  scratch.free();
  return outcome;
}

function storeMessage(scratch: Scratch, record: usize, message: Message): void {
  store<u8>(record, <u8>message.role);
  scratch.store(record + 4, message.content);
  const calls = message.toolCalls;
  const list = scratch.block(24 * max(1, calls.length));
  for (let i = 0; i < calls.length; i++) {
    scratch.store(list + 24 * i, calls[i].id);
    scratch.store(list + 24 * i + 8, calls[i].name);
    scratch.store(list + 24 * i + 16, calls[i].argumentsJson);
  }
  store<usize>(record, list, 12);
  store<usize>(record, calls.length, 16);
  const answered = message.toolCallId;
  store<u8>(record, answered ? 1 : 0, 20);
  if (answered) scratch.store(record + 24, answered);
}

function takeResponse(record: usize): Response {
  const content = takeText(load<usize>(record), load<usize>(record, 4));
  const list = load<usize>(record, 8);
  const count = <i32>load<usize>(record, 12);
  const calls = new Array<ToolCall>(count);
  for (let i = 0; i < count; i++) {
    const call = list + 24 * i;
    calls[i] = new ToolCall(
      takeText(load<usize>(call), load<usize>(call, 4)),
      takeText(load<usize>(call, 8), load<usize>(call, 12)),
      takeText(load<usize>(call, 16), load<usize>(call, 20)),
    );
  }
  if (count > 0) heap.free(list);
  return new Response(
    content, calls, <FinishReason>load<u8>(record, 16),
    load<u32>(record, 20), load<u32>(record, 24), load<u32>(record, 28),
  );
}
