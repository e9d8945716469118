using AgentRuntime.Abstractions;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>
/// Compiled modules, or their code, by digest, the least recently used dropped first; a module that is being compiled
/// is compiled once for all that ask for it. A failed compilation is not kept. Thread-safe.
/// </summary>
internal sealed class ModuleCache<T>(int capacity)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ModuleDigest, LinkedListNode<Entry>> _byDigest = [];
    private readonly LinkedList<Entry> _newestFirst = [];

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
        return task.IsCompletedSuccessfully ? task : ForgetIfFailed(node, task);
    }

    private async Task<T> ForgetIfFailed(LinkedListNode<Entry> node, Task<T> task)
    {
        try
        {
            return await task;
        }
        catch
        {
            lock (_lock) RemoveWithLockHeld(node);
            throw;
        }
    }

    private void DropOldestWithLockHeld()
    {
        for (var node = _newestFirst.Last; node is not null && _byDigest.Count > capacity;)
        {
            var newer = node.Previous;
            // One that is being compiled stays, or the next that asks for it would compile it a second time.
            if (node.Value.Module is { IsValueCreated: true, Value.IsCompleted: true }) RemoveWithLockHeld(node);
            node = newer;
        }
    }

    private void RemoveWithLockHeld(LinkedListNode<Entry> node)
    {
        if (node.List is null) return;
        _newestFirst.Remove(node);
        _byDigest.Remove(node.Value.Digest);
    }

    private sealed record Entry(ModuleDigest Digest, Lazy<Task<T>> Module);
}
