// What every script finds: the interfaces of the agent world as the object `agent`, and `console`. The functions of
// one letter come from bridge.wat and disappear once they are wrapped.
(function (world) {
  const { a: inputAddress, b: inputLength, t: text, s: string, f: free, m: allocate, p: store, q: store8, g: load,
    h: load8, i: send, c: callTool, l: listTools, w: log, z: sleep, n: now, k: config, r: finish, y: memory } = world;
  for (const name of 'abtsfmpqghiclwznkry') delete world[name];

  // Blocks that a call's parameters lie in, freed together when it is over.
  class Scratch {
    blocks = [];

    block(size) {
      const address = allocate(size);
      this.blocks.push(address);
      return address;
    }

    text(value) {
      const address = text(String(value).toWellFormed());
      this.blocks.push(address);
      return address;
    }

    // Writes a `string` into a record.
    store(record, value) {
      const address = this.text(value);
      store(record, address + 4);
      store(record + 4, load(address));
    }

    // Writes a `list` into a record, each element by a function.
    list(record, items, size, element) {
      const address = this.block(Math.max(1, items.length) * size);
      items.forEach((item, i) => element(address + i * size, item));
      store(record, address);
      store(record + 4, items.length);
    }

    free() {
      this.blocks.forEach((address) => free(address));
    }
  }

  function takeText(record) {
    const length = load(record + 4);
    if (length === 0) return '';
    const value = string(load(record), length);
    free(load(record));
    return value;
  }

  function takeOption(record) {
    return load8(record) === 0 ? undefined : takeText(record + 4);
  }

  function takeList(record, size, element) {
    const items = [];
    const address = load(record);
    for (let i = 0; i < load(record + 4); i++) items.push(element(address + i * size));
    if (items.length > 0) free(address);
    return items;
  }

  // A refusal or failure of the platform; `code` is stable, such as AR2002.
  class HostError extends Error {
    constructor(record) {
      const code = takeText(record);
      super(`${code}: ${takeText(record + 8)}`);
      this.name = 'HostError';
      this.code = code;
      this.where = takeOption(record + 16);
      this.action = takeOption(record + 28);
    }
  }

  function resultOf(call, take) {
    const scratch = new Scratch();
    try {
      const result = scratch.block(44);
      call(scratch, result);
      if (load8(result) !== 0) throw new HostError(result + 4);
      return take(result + 4);
    } finally {
      scratch.free();
    }
  }

  // Calls a function of memory by its number, with parameters that a function has written behind the result's address.
  function remember(operation, bucket, write, take) {
    return resultOf((scratch, result) => {
      const block = scratch.block(28);
      store(block, result);
      scratch.store(block + 4, bucket);
      write(scratch, block + 12);
      memory(operation, block);
    }, take);
  }

  const withKey = (key) => (scratch, at) => scratch.store(at, key);
  const nothing = () => undefined;

  function storeBytes(scratch, record, bytes) {
    const address = scratch.block(Math.max(1, bytes.length));
    bytes.forEach((byte, i) => store8(address + i, byte));
    store(record, address);
    store(record + 4, bytes.length);
  }

  function takeBytes(record) {
    const length = load(record + 4);
    const bytes = new Uint8Array(length);
    if (length === 0) return bytes;
    const address = load(record);
    for (let i = 0; i < length; i++) bytes[i] = load8(address + i);
    free(address);
    return bytes;
  }

  const roles = ['system', 'user', 'assistant', 'tool'];
  const finishReasons = ['stop', 'length', 'tool-calls', 'content-filter', 'other'];

  function storeMessage(scratch, record, message) {
    const role = roles.indexOf(message.role);
    if (role < 0) throw new TypeError(`no such role: ${message.role}`);
    store8(record, role);
    scratch.store(record + 4, message.content ?? '');
    scratch.list(record + 12, message.toolCalls ?? [], 24, (at, call) => {
      scratch.store(at, call.id);
      scratch.store(at + 8, call.name);
      scratch.store(at + 16, call.argumentsJson);
    });
    if (message.toolCallId === undefined) return;
    store8(record + 20, 1);
    scratch.store(record + 24, message.toolCallId);
  }

  function takeResponse(record) {
    return {
      content: takeText(record),
      toolCalls: takeList(record + 8, 24, (at) => ({
        id: takeText(at), name: takeText(at + 8), argumentsJson: takeText(at + 16),
      })),
      finishReason: finishReasons[load8(record + 16)],
      usage: {
        promptTokens: load(record + 20), cachedPromptTokens: load(record + 24), outputTokens: load(record + 28),
      },
    };
  }

  const levels = { debug: 0, info: 1, warning: 2, error: 3 };

  const stackOf = (error) => String(error?.stack ?? '').replaceAll('<input>', 'agent.js');

  // JSON has nothing of an Error: it is said with its name, its message and its place.
  function shown(part) {
    if (part instanceof Error) return `${part}\n${stackOf(part)}`.trimEnd();
    return typeof part === 'object' ? JSON.stringify(part) : String(part);
  }

  function write(level, parts) {
    const scratch = new Scratch();
    const line = parts.map(shown).join(' ');
    log(levels[level], scratch.text(line));
    scratch.free();
  }

  const agent = {
    HostError,

    // Asks a model and waits for its whole answer. Options: model, maxOutputTokens, temperature, seed, stopSequences,
    // tools.
    send(messages, options = {}) {
      return resultOf((scratch, result) => {
        const block = scratch.block(72);
        scratch.list(block, messages, 32, (at, message) => storeMessage(scratch, at, message));
        if (options.model !== undefined) {
          store(block + 8, 1);
          scratch.store(block + 12, options.model);
        }
        if (options.maxOutputTokens !== undefined) {
          store(block + 20, 1);
          store(block + 24, options.maxOutputTokens);
        }
        if (options.temperature !== undefined) {
          store(block + 28, 1);
          store(block + 32, new Uint32Array(new Float32Array([options.temperature]).buffer)[0]);
        }
        if (options.seed !== undefined) {
          const [low, high] = new Uint32Array(new BigInt64Array([BigInt(options.seed)]).buffer);
          store(block + 36, 1);
          store(block + 40, low);
          store(block + 44, high);
        }
        scratch.list(block + 48, options.stopSequences ?? [], 8, (at, stop) => scratch.store(at, stop));
        scratch.list(block + 56, options.tools ?? [], 8, (at, tool) => scratch.store(at, tool));
        store(block + 64, result);
        send(block);
      }, takeResponse);
    },

    // Calls a tool with an object of arguments; the result is its text.
    call(name, args = {}) {
      const json = typeof args === 'string' ? args : JSON.stringify(args);
      return resultOf((scratch, result) => callTool(scratch.text(name), scratch.text(json), result), takeText);
    },

    // The tools that policy lets this agent see.
    tools() {
      return resultOf((_, result) => listTools(result), (record) => takeList(record, 24, (at) => ({
        name: takeText(at), description: takeText(at + 8), inputSchema: JSON.parse(takeText(at + 16)),
      })));
    },

    // Waits without holding a thread.
    sleep(milliseconds) {
      resultOf((_, result) => sleep(milliseconds, result), () => undefined);
    },

    // Milliseconds since 1970-01-01T00:00Z.
    now,

    // One of the agent's own settings; undefined when it has none of that name.
    config(key) {
      return resultOf((scratch, result) => {
        config(scratch.text(key), result + 4);
      }, takeOption);
    },

    // What the agent keeps from one run to the next, in buckets that its policy grants.
    memory: {
      // A key's value as a text; undefined when it has none.
      get(bucket, key) {
        return remember(0, bucket, withKey(key), takeOption);
      },

      // The same as bytes.
      getBytes(bucket, key) {
        return remember(0, bucket, withKey(key), (at) => (load8(at) === 0 ? undefined : takeBytes(at + 4)));
      },

      exists(bucket, key) {
        return remember(1, bucket, withKey(key), (at) => load8(at) !== 0);
      },

      // A page of keys in order; `cursor` is undefined after the last, else what the next call is given.
      listKeys(bucket, cursor) {
        return remember(2, bucket, (scratch, at) => {
          if (cursor === undefined) return;
          store(at, 1);
          scratch.store(at + 4, cursor);
        }, (at) => ({ keys: takeList(at, 8, takeText), cursor: takeOption(at + 8) }));
      },

      // Gives a key a value: a text, or a Uint8Array.
      set(bucket, key, value) {
        remember(3, bucket, (scratch, at) => {
          scratch.store(at, key);
          if (value instanceof Uint8Array) storeBytes(scratch, at + 8, value);
          else scratch.store(at + 8, value);
        }, nothing);
      },

      delete(bucket, key) {
        remember(4, bucket, withKey(key), nothing);
      },
    },

    log: Object.fromEntries(Object.keys(levels).map((level) => [level, (...parts) => write(level, parts)])),
  };
  world.agent = agent;
  world.console = { ...agent.log, log: agent.log.info, warn: agent.log.warning };

  function end(failed, value) {
    finish(failed ? 1 : 0, text((typeof value === 'string' ? value : JSON.stringify(value) ?? '').toWellFormed()));
  }

  // What the script means to say, with its own Error, stands alone; what went wrong in it is said with its place.
  function fail(error) {
    if (!(error instanceof HostError)) agent.log.error(error instanceof Error ? error : String(error));
    const place = /agent\.js:\d+:\d+/.exec(stackOf(error));
    const mistake = error instanceof Error && error.name !== 'Error' && !(error instanceof HostError);
    const message = error instanceof Error ? error.message : String(error);
    end(true, mistake && place ? `${message} (${place[0]})` : message);
  }

  try {
    const script = agent.config('script');
    if (script === undefined) throw new Error("the module carries no script: pack it with the kit's pack.mjs");
    (0, eval)(`${script}\n//# sourceURL=agent.js`);
    const run = (0, eval)('typeof run === "function" ? run : undefined');
    if (!run) throw new Error('the script defines no function named run');
    const result = run(string(inputAddress(), inputLength()));
    if (typeof result?.then === 'function') result.then((value) => end(false, value), fail);
    else end(false, result);
  } catch (error) {
    fail(error);
  }
})(globalThis);
