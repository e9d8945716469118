// A tool: its input is the call's arguments, its output the result. Makes a title fit for an address.
async function run(input) {
  const { title } = JSON.parse(input);
  if (typeof title !== 'string') throw new TypeError("the argument 'title' is missing");
  const slug = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return { slug };
}
