// The same module under V8: prints one JSON object with the best time of each kernel in milliseconds, and its result.
import { readFileSync } from 'node:fs';

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
const rounds = Number(process.argv[3]);
const out = {};
for (const name of process.argv.slice(4)) {
  const kernel = instance.exports[name];
  let best = Infinity;
  let result = 0;
  for (let i = 0; i < rounds; i++) {
    const start = process.hrtime.bigint();
    result = kernel();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e6);
  }
  out[name] = { ms: best, result };
}
console.log(JSON.stringify(out));
