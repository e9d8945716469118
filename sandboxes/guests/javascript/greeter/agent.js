// Greets whom its input names, in words of the model's; knows its tools, and says so when it may not ask.
function run(input) {
  const name = input.trim() || 'stranger';
  const tools = agent.tools().map((tool) => tool.name);
  console.log(`greeting ${name} with ${tools.length} tools at hand`);
  try {
    const answer = agent.send(
      [
        { role: 'system', content: 'Greet the person in one sentence.' },
        { role: 'user', content: name },
      ],
      { maxOutputTokens: 32, temperature: 0.5, seed: 7 },
    );
    return { greeting: answer.content, tools, tokens: answer.usage.outputTokens };
  } catch (error) {
    if (!(error instanceof agent.HostError)) throw error;
    return { greeting: `Hello, ${name}.`, tools, refused: error.message };
  }
}
