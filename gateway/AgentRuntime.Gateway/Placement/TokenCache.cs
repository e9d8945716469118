namespace AgentRuntime.Gateway;

/// <summary>
/// The token ids of recent prompts, by a digest of what was tokenized; the least recently used go when there are too
/// many tokens. Thread-safe: a lock is held for a few instructions.
/// </summary>
internal sealed class TokenCache(int maxTokens)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<UInt128, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _recent = new();
    private long _tokens;

    public int Count
    {
        get
        {
            lock (_lock)
                return _entries.Count;
        }
    }

    public int[]? Find(UInt128 prompt)
    {
        lock (_lock)
        {
            if (!_entries.TryGetValue(prompt, out var node))
                return null;
            _recent.Remove(node);
            _recent.AddFirst(node);
            return node.Value.Tokens;
        }
    }

    public void Add(UInt128 prompt, int[] tokens)
    {
        if (tokens.Length > maxTokens / 4)
            return;
        lock (_lock)
        {
            if (_entries.ContainsKey(prompt))
                return;
            _entries.Add(prompt, _recent.AddFirst(new Entry(prompt, tokens)));
            for (_tokens += Cost(tokens); _tokens > maxTokens; _recent.RemoveLast())
            {
                var oldest = _recent.Last!.Value;
                _tokens -= Cost(oldest.Tokens);
                _entries.Remove(oldest.Prompt);
            }
        }
    }

    // An entry costs about as much as 32 tokens by itself: many short prompts are bounded too.
    private static int Cost(int[] tokens) => tokens.Length + 32;

    private readonly record struct Entry(UInt128 Prompt, int[] Tokens);
}
