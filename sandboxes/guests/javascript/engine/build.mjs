// Writes bridge.wat with the prelude in it: node build.mjs OUT
import { readFileSync, writeFileSync } from 'node:fs';

const here = new URL('.', import.meta.url);
const prelude = readFileSync(new URL('prelude.js', here));
const bytes = [...prelude].map((b) => `\\${b.toString(16).padStart(2, '0')}`).join('');
const bridge = readFileSync(new URL('bridge.wat', here), 'utf8')
  .replaceAll('PRELUDE_LENGTH_1', prelude.length + 1)
  .replaceAll('PRELUDE_LENGTH', prelude.length)
  .replace('"PRELUDE"', `"${bytes}"`);
writeFileSync(process.argv[2], bridge);
