// Makes an agent of a script: node pack.mjs ENGINE.wasm SCRIPT.js OUT.wasm
// The script goes into a custom section behind the engine, which the platform gives to it as the setting `script`; all
// agents with the same engine share its compiled code.
import { readFileSync, writeFileSync } from 'node:fs';

const [engine, script, out] = process.argv.slice(2);
if (!out) {
  console.error('usage: node pack.mjs ENGINE.wasm SCRIPT.js OUT.wasm');
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

const name = Buffer.from('agentruntime:config/script');
const content = Buffer.concat([leb(name.length), name, readFileSync(script)]);
writeFileSync(out, Buffer.concat([readFileSync(engine), Buffer.from([0]), leb(content.length), content]));
