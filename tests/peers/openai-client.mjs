// Talks to the edge through OpenAI's own client: node openai-client.mjs BASE_URL KEY MODEL. Prints one JSON object.
import OpenAI from "openai";

const [baseURL, apiKey, model] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${baseURL}/v1`, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "Say hello" }];
// Greedy, for the model may write noise: sampled, it sometimes ends before its first word.
const greedy = { model, temperature: 0 };
const seen = {};

const whole = await client.chat.completions.create({ ...greedy, messages, max_tokens: 16 });
seen.whole = {
  object: whole.object,
  content: whole.choices[0].message.content,
  finish: whole.choices[0].finish_reason,
  usage: whole.usage,
};

const stream = await client.chat.completions.create({
  ...greedy, messages, max_tokens: 16, stream: true, stream_options: { include_usage: true },
});
seen.stream = { content: "", chunks: 0, finish: null, usage: null };
for await (const chunk of stream) {
  seen.stream.chunks++;
  seen.stream.content += chunk.choices[0]?.delta?.content ?? "";
  seen.stream.finish = chunk.choices[0]?.finish_reason ?? seen.stream.finish;
  seen.stream.usage = chunk.usage ?? seen.stream.usage;
}

// The client's own helper puts a stream together, and is strict about its form.
const final = await client.chat.completions.stream({ model, messages, max_tokens: 16 }).finalChatCompletion();
seen.helper = final.choices[0].message.content;

seen.completion = (await client.completions.create({ model, prompt: "Say", max_tokens: 16 })).choices[0].text;

const response = await client.responses.create({ model, input: "Say hello", max_output_tokens: 16 });
seen.response = { text: response.output_text, status: response.status };
seen.responseStream = "";
for await (const event of await client.responses.create({ model, input: "Say hello", stream: true })) {
  if (event.type === "response.output_text.delta") seen.responseStream += event.delta;
}

seen.models = [];
for await (const m of client.models.list()) seen.models.push(m.id);
seen.model = (await client.models.retrieve(model)).id;

try {
  await client.chat.completions.create({ model: "not-granted", messages });
} catch (e) {
  seen.refused = { name: e.constructor.name, status: e.status, code: e.code, requestID: e.requestID };
}

try {
  await new OpenAI({ baseURL: `${baseURL}/v1`, apiKey: "wrong", maxRetries: 0 }).models.list();
} catch (e) {
  seen.unauthorized = { name: e.constructor.name, status: e.status, code: e.code };
}

console.log(JSON.stringify(seen));
