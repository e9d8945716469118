// Adds a tool's description to its module: node describe.mjs TOOL.wasm tool.json
import { appendFileSync, readFileSync } from 'node:fs';

const [wasm, file] = process.argv.slice(2);

function leb(value) {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

const name = Buffer.from('agentruntime:config/tool');
const content = Buffer.concat([Buffer.from(leb(name.length)), name, readFileSync(file)]);
appendFileSync(wasm, Buffer.concat([Buffer.from([0, ...leb(content.length)]), content]));
