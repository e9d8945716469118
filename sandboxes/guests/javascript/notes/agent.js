// A notebook: "set KEY TEXT", "get KEY", "exists KEY", "delete KEY" or "list [CURSOR]" on the bucket "notes".
function run(input) {
  const [verb, key, ...rest] = input.split(' ');
  switch (verb) {
    case 'set':
      agent.memory.set('notes', key, rest.join(' '));
      return 'done';
    case 'delete':
      agent.memory.delete('notes', key);
      return 'done';
    case 'get': {
      const value = agent.memory.get('notes', key);
      return value === undefined ? 'none' : `= ${value}`;
    }
    case 'exists':
      return agent.memory.exists('notes', key) ? 'yes' : 'no';
    case 'list': {
      const { keys, cursor } = agent.memory.listKeys('notes', key);
      return keys.join(',') + (cursor === undefined ? '' : ` > ${cursor}`);
    }
    default:
      throw new Error('set, get, exists, delete or list is expected');
  }
}
