// A tool: its input is the call's arguments as JSON, its output the result.
async function run(input) {
  const { text } = JSON.parse(input);
  if (typeof text !== 'string') throw new TypeError("the argument 'text' is missing");
  return { words: text.split(/\s+/).filter(Boolean).length };
}
