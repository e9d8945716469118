// Makes an agent of a script: node pack.mjs ENGINE.wasm SCRIPT.js OUT.wasm [KEY=FILE ...]
// The script goes into a custom section behind the engine, which the platform gives to it as the setting `script`; all
// agents with the same engine share its compiled code. Further settings come from files: tool=tool.json describes a
// tool.
import { readFileSync, writeFileSync } from 'node:fs';

const [engine, script, out, ...settings] = process.argv.slice(2);
if (!out) {
  console.error('usage: node pack.mjs ENGINE.wasm SCRIPT.js OUT.wasm [KEY=FILE ...]');
  process.exit(2);
}

function leb(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return Buffer.from(bytes);
}

function section(key, file) {
  const name = Buffer.from(`agentruntime:config/${key}`);
  const content = Buffer.concat([leb(name.length), name, readFileSync(file)]);
  return Buffer.concat([Buffer.from([0]), leb(content.length), content]);
}

const files = [['script', script], ...settings.map((setting) => setting.split('=', 2))];
writeFileSync(out, Buffer.concat([readFileSync(engine), ...files.map(([key, file]) => section(key, file))]));
