// Talks to an inference node through OpenAI's own client: node openai-engine.mjs BASE_URL MODEL.
// Prints one JSON object.
import OpenAI from "openai";

const [baseURL, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: "none", maxRetries: 0 });
const greedy = { model, max_tokens: 12, temperature: 0 };
const messages = [{ role: "user", content: "Say hello" }];
const seen = {};

seen.chat = (await client.chat.completions.create({ ...greedy, messages })).choices[0].message.content;

seen.streamed = "";
const stream = await client.chat.completions.create({
  ...greedy, messages, stream: true, stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  seen.streamed += chunk.choices[0]?.delta?.content ?? "";
  seen.usage = chunk.usage ?? seen.usage;
}

const prompt = "the green river";
seen.completion = (await client.completions.create({ ...greedy, prompt })).choices[0].text;
seen.completionStreamed = "";
for await (const chunk of await client.completions.create({ ...greedy, prompt, stream: true })) {
  seen.completionStreamed += chunk.choices[0]?.text ?? "";
}

// Without a format the client asks for base64 and decodes it; with one it takes what comes.
const input = ["the green river", "a small stone", "the green river"];
seen.vectors = (await client.embeddings.create({ model, input })).data.map(d => Array.from(d.embedding));
seen.floats = (await client.embeddings.create({ model, input, encoding_format: "float" })).data.map(d => d.embedding);

seen.models = [];
for await (const m of client.models.list()) seen.models.push(m.id);

try {
  await client.embeddings.create({ model, input, dimensions: 8 });
} catch (e) {
  seen.refused = { name: e.constructor.name, status: e.status, code: e.code, param: e.param };
}

console.log(JSON.stringify(seen));
