// Checks JSON against the types that OpenAI's own client is published with, which are made from OpenAI's OpenAPI
// document. Reads [{ "kind", "name", "value" }] from standard input; answers with one line of JSON: a list of what is
// missing, too much, or of the wrong type. Each value becomes an object literal that TypeScript checks, excess
// properties included; what is ours or vLLM's and allowed is named below and taken out before.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const folder = path.dirname(fileURLToPath(import.meta.url));

const types = {
  'chat.completion': 'OpenAI.Chat.ChatCompletion',
  'chat.completion.chunk': 'OpenAI.Chat.ChatCompletionChunk',
  text_completion: 'OpenAI.Completion',
  embeddings: 'OpenAI.CreateEmbeddingResponse',
  models: '{ object: "list"; data: OpenAI.Model[] }',
  model: 'OpenAI.Model',
  response: 'Whole<OpenAI.Responses.Response>',
  'response.event': 'WithWhole<OpenAI.Responses.ResponseStreamEvent>',
  error: '{ error: OpenAI.ErrorObject }',
};

// output_text and _request_id are the client's own additions to what is on the wire.
const declarations = `
import OpenAI from 'openai';
type Whole<T> = Omit<T, 'output_text' | '_request_id'>;
type WithWhole<T> = T extends { response: infer R } ? Omit<T, 'response'> & { response: Whole<R> } : T;
`;

const completion = ['x_agentruntime', 'kv_transfer_params', 'usage.kv_transfer_bytes', 'usage.kv_transfer_ms'];
const model = ['root', 'parent', 'max_model_len'];
const extras = {
  'chat.completion': completion,
  'chat.completion.chunk': completion,
  text_completion: completion,
  models: model.map((name) => `data.*.${name}`),
  model,
  // OpenAI's own server says it too; only the types leave it out.
  response: ['store'],
  'response.event': ['response.store'],
};

function remove(value, [name, ...rest]) {
  if (value === null || typeof value !== 'object') return;
  if (name === '*') Object.values(value).forEach((item) => remove(item, rest));
  else if (rest.length === 0) delete value[name];
  else remove(value[name], rest);
}

const samples = JSON.parse(readFileSync(0, 'utf8'));
let text = declarations;
const lines = [];
samples.forEach(({ kind, name, value }, index) => {
  if (!types[kind]) throw new Error(`no type for '${kind}'`);
  (extras[kind] ?? []).forEach((extra) => remove(value, extra.split('.')));
  lines.push([text.split('\n').length, `${name} (${kind})`]);
  text += `export const sample${index}: ${types[kind]} = ${JSON.stringify(value, null, 1)};\n`;
});

const file = path.join(folder, 'samples.ts');
const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
};
const host = ts.createCompilerHost(options);
const { getSourceFile, fileExists, readFile } = host;
host.fileExists = (name) => name === file || fileExists.call(host, name);
host.readFile = (name) => (name === file ? text : readFile.call(host, name));
host.getSourceFile = (name, version, ...more) =>
  name === file ? ts.createSourceFile(name, text, version) : getSourceFile.call(host, name, version, ...more);
const program = ts.createProgram([file], options, host);
const source = program.getSourceFile(file);
const problems = ts.getPreEmitDiagnostics(program, source).map((found) => {
  const line = found.start === undefined ? 0 : source.getLineAndCharacterOfPosition(found.start).line + 1;
  const sample = lines.findLast(([start]) => start <= line);
  const near = text.split('\n')[line - 1]?.trim().slice(0, 80);
  return `${sample?.[1] ?? 'types'}: ${ts.flattenDiagnosticMessageText(found.messageText, ' / ')} [${near}]`;
});
console.log(JSON.stringify(problems));
