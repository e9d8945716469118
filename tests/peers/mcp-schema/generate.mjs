// Reads the tools of MCP's tools/list from standard input; answers with one line of JSON: by tool, the type of its
// arguments in a form that has one spelling, with attributes in order.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { generateSchema } = createRequire(import.meta.url)('@cedar-policy/mcp-schema-generator-wasm');
const stub = 'namespace Peer { @mcp_principal("Agent") entity Agent; @mcp_resource("Server") entity Server; }';
const config = JSON.stringify({ objectsAsRecords: true, numbersAsDecimal: true });
const answer = JSON.parse(generateSchema(stub, readFileSync(0, 'utf8'), config));
if (!answer.isOk) throw new Error(answer.error);
const schema = JSON.parse(answer.schemaJson);

function common(name, space) {
  for (const key of [space, ...Object.keys(schema)]) {
    const local = name.startsWith(`${key}::`) ? name.slice(key.length + 2) : name;
    const found = schema[key]?.commonTypes?.[local];
    if (found) return spell(found, key);
  }
  return name.replace(/^__cedar::/, '');
}

function spell(type, space) {
  switch (type.type) {
    case 'Record':
      return `{${Object.entries(type.attributes)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, t]) => `${name}${t.required === false ? '?' : ''}:${spell(t, space)}`)
        .join(',')}}`;
    case 'Set':
      return `Set<${spell(type.element, space)}>`;
    case 'EntityOrCommon':
    case 'Extension':
    case 'Entity':
      return common(type.name, space);
    default:
      return common(type.type, space);
  }
}

const result = {};
for (const [name, action] of Object.entries(schema.Peer.actions)) {
  const context = action.appliesTo?.context?.attributes;
  if (context) result[name] = spell(context.input, 'Peer');
}
console.log(JSON.stringify(result));
