using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>
/// Finds the code that something still uses, be it a kept module or a guest, by digest, and compiles what nothing does,
/// once for all that ask meanwhile. Keeps no code itself, so that what the module cache drops is gone. A failed
/// compilation is not remembered. Thread-safe.
/// </summary>
internal sealed class SharedCode(Func<ReadOnlyMemory<byte>, Task<IWasmModule>> compile)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ModuleDigest, Lazy<Task<IWasmModule>>> _compiling = [];
    private readonly Dictionary<ModuleDigest, WeakReference<IWasmModule>> _used = [];
    private int _forgetAt = 64;

    public Task<IWasmModule> GetOrCompile(ReadOnlyMemory<byte> wasm)
    {
        var digest = ModuleDigest.Of(wasm.Span);
        Lazy<Task<IWasmModule>>? compiling;
        lock (_lock)
        {
            if (_used.TryGetValue(digest, out var used) && used.TryGetTarget(out var code))
                return Task.FromResult(code);
            if (!_compiling.TryGetValue(digest, out compiling))
            {
                compiling = new Lazy<Task<IWasmModule>>(() => CompileAsync(digest, wasm));
                _compiling.Add(digest, compiling);
            }
        }
        // Started outside the lock: it may have to wait for a free compiler.
        return compiling.Value;
    }

    private async Task<IWasmModule> CompileAsync(ModuleDigest digest, ReadOnlyMemory<byte> wasm)
    {
        IWasmModule? code = null;
        try
        {
            return code = await compile(wasm);
        }
        finally
        {
            lock (_lock)
            {
                _compiling.Remove(digest);
                if (code is not null) _used[digest] = new WeakReference<IWasmModule>(code);
                ForgetUnusedWithLockHeld();
            }
        }
    }

    // Whenever they have doubled, so that it costs nothing that anybody would see.
    private void ForgetUnusedWithLockHeld()
    {
        if (_used.Count < _forgetAt) return;
        foreach (var (digest, code) in _used)
            if (!code.TryGetTarget(out _)) _used.Remove(digest);
        _forgetAt = Math.Max(64, 2 * _used.Count);
    }
}
