async function run(input) {
  console.log('asking the model');
  const answer = agent.send([{ role: 'user', content: input }], { maxOutputTokens: 128 });
  return answer.content;
}
