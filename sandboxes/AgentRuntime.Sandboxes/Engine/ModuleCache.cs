using AgentRuntime.Abstractions;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>
/// Compiled modules by digest, the least recently used dropped first when they are too many or take too
/// many bytes; a module that is being compiled is compiled once for all that ask for it. A failed compilation is not
/// kept. Thread-safe.
/// </summary>
internal sealed class ModuleCache<T>(int capacity, long maxBytes, Func<T, CacheWeight> weigh)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ModuleDigest, LinkedListNode<Entry>> _byDigest = [];
    private readonly LinkedList<Entry> _newestFirst = [];
    private readonly CacheBytes _bytes = new();

    public Task<T> GetOrAdd(ModuleDigest digest, Func<Task<T>> compile)
    {
        LinkedListNode<Entry>? node;
        lock (_lock)
        {
            if (_byDigest.TryGetValue(digest, out node))
            {
                _newestFirst.Remove(node);
                _newestFirst.AddFirst(node);
            }
            else
            {
                node = _newestFirst.AddFirst(new Entry(digest, new Lazy<Task<T>>(compile)));
                _byDigest.Add(digest, node);
                DropOldestWithLockHeld();
            }
        }
        // Started outside the lock: it may have to wait for a free compiler.
        var task = node.Value.Module.Value;
        return task.IsCompletedSuccessfully && node.Value.IsWeighed ? task : WeighOrForget(node, task);
    }

    /// <summary>A module that is there, which is then the newest; null when it is not compiled yet.</summary>
    public T? Find(ModuleDigest digest)
    {
        lock (_lock)
        {
            if (!_byDigest.TryGetValue(digest, out var node) || !node.Value.IsWeighed) return null;
            _newestFirst.Remove(node);
            _newestFirst.AddFirst(node);
            return node.Value.Module.Value.Result;
        }
    }

    /// <summary>Weighs a module again that takes more than when it was compiled; one that is not kept weighs
    /// nothing.</summary>
    public void WeighAgain(ModuleDigest digest)
    {
        lock (_lock)
        {
            if (!_byDigest.TryGetValue(digest, out var node) || !node.Value.IsWeighed) return;
            var weight = weigh(node.Value.Module.Value.Result);
            _bytes.Add(weight);
            _bytes.Remove(node.Value.Weight);
            node.Value.Weight = weight;
            DropOldestWithLockHeld();
        }
    }

    private async Task<T> WeighOrForget(LinkedListNode<Entry> node, Task<T> task)
    {
        try
        {
            var module = await task;
            var weight = weigh(module);
            lock (_lock) WeighWithLockHeld(node, weight);
            return module;
        }
        catch
        {
            lock (_lock) RemoveWithLockHeld(node);
            throw;
        }
    }

    private void WeighWithLockHeld(LinkedListNode<Entry> node, CacheWeight weight)
    {
        if (node.List is null || node.Value.IsWeighed) return;
        node.Value.Weight = weight;
        node.Value.IsWeighed = true;
        _bytes.Add(weight);
        DropOldestWithLockHeld();
    }

    private void DropOldestWithLockHeld()
    {
        for (var node = _newestFirst.Last; node is not null && IsTooMuch(node);)
        {
            var newer = node.Previous;
            // One that is being compiled stays, or the next that asks for it would compile it a second time.
            if (node.Value.Module is { IsValueCreated: true, Value.IsCompleted: true }) RemoveWithLockHeld(node);
            node = newer;
        }
    }

    // One that is too large for the cache is kept as long as nothing else is.
    private bool IsTooMuch(LinkedListNode<Entry> oldest) =>
        _byDigest.Count > capacity || (_bytes.Total > maxBytes && oldest != _newestFirst.First);

    private void RemoveWithLockHeld(LinkedListNode<Entry> node)
    {
        if (node.List is null) return;
        if (node.Value.IsWeighed) _bytes.Remove(node.Value.Weight);
        _newestFirst.Remove(node);
        _byDigest.Remove(node.Value.Digest);
    }

    private sealed class Entry(ModuleDigest digest, Lazy<Task<T>> module)
    {
        public ModuleDigest Digest => digest;

        public Lazy<Task<T>> Module => module;

        /// <summary>Known once it is compiled; written with the lock held.</summary>
        public CacheWeight Weight { get; set; }

        public bool IsWeighed { get; set; }
    }
}
