// Checks bundles against the JSON Schemas for editors: node check.mjs SCHEMAS BUNDLE...
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv/dist/2020.js';
import { parse } from 'yaml';

const [schemas, ...bundles] = process.argv.slice(2);
const ajv = new Ajv({ allErrors: true, strict: false });
const read = name => ajv.compile(JSON.parse(readFileSync(join(schemas, name), 'utf8')));
const [bundle, agents, tests] = ['bundle', 'agents', 'tests'].map(n => read(`${n}.schema.json`));

let wrong = 0;
const check = (validate, file) => {
  if (!existsSync(file) || validate(parse(readFileSync(file, 'utf8')))) return;
  wrong++;
  console.log(`${file}: ${ajv.errorsText(validate.errors)}`);
};
const yamlIn = folder => existsSync(folder)
  ? readdirSync(folder).filter(f => f.endsWith('.yaml')).map(f => join(folder, f)) : [];
for (const folder of bundles) {
  check(bundle, join(folder, 'bundle.yaml'));
  check(agents, join(folder, 'agents.yaml'));
  yamlIn(join(folder, 'agents')).forEach(f => check(agents, f));
  yamlIn(join(folder, 'tests')).forEach(f => check(tests, f));
}

// A check that finds nothing anywhere would prove nothing.
const found = bundle({ name: 'x', threats: { rule: { when: { denials: 1 }, then: 'quarantine' } } }) ? 0 : 1;
console.log(`${bundles.length} bundles, ${found} mistake found in what is mistaken`);
process.exit(wrong === 0 ? 0 : 1);
