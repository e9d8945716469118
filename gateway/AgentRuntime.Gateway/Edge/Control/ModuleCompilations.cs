using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// Compiles modules before they are deployed, each tenant's in a line of their own. Whoever waits longer than a request
/// may is told to come again; the module keeps its place in the line meanwhile, so that it is compiled however busy the
/// compiler is, and found then. Thread-safe.
/// </summary>
/// <param name="engine">Compiles.</param>
/// <param name="atOnce">Modules that are given to it at once.</param>
/// <param name="patience">How long a request waits.</param>
/// <param name="time">The clock.</param>
internal sealed class ModuleCompilations(ISandboxEngine engine, int atOnce, TimeSpan patience, TimeProvider time)
    : IDisposable
{
    private static readonly TimeSpan ComeAgainAfter = TimeSpan.FromSeconds(5);

    private readonly TenantLines _lines = new(atOnce, "deployments");
    private readonly Lock _lock = new();
    private readonly Dictionary<Key, Task> _underWay = [];

    /// <summary>Reads a module once it has a place, and compiles it.</summary>
    /// <param name="tenant">Whose it is.</param>
    /// <param name="read">Reads it. Places bound how many are in memory.</param>
    /// <param name="limits">What its agent may have; null when that is not known yet.</param>
    /// <param name="cancellationToken">Waits no longer.</param>
    /// <returns>The module.</returns>
    /// <exception cref="RuntimeErrorException">
    /// AR3001 to AR3005, AR3012: it cannot be run, or not within the limits. AR3014: it waits for its turn still.
    /// AR6004: as many of the tenant's wait as may.
    /// </exception>
    public async Task<byte[]> CompileAsync(
        TenantId tenant, Func<Task<byte[]>> read, SandboxLimits? limits, CancellationToken cancellationToken)
    {
        var visit = _lines.Join(tenant);
        Task compiling;
        byte[] wasm;
        try
        {
            wasm = await read();
            compiling = IsCompiled(wasm, limits) ? Leave(visit) : Share(tenant, visit, wasm, limits);
        }
        catch
        {
            visit.Dispose();
            throw;
        }

        try
        {
            await compiling.WaitAsync(patience, time, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.SandboxBusy,
                $"The module was not compiled within {patience.TotalSeconds:F0} s: it is large, or waits for others.",
                "body",
                "Send the same module again: it keeps its place meanwhile, and is found once it is compiled.")
            { RetryAfter = ComeAgainAfter });
        }

        return wasm;
    }

    /// <inheritdoc/>
    public void Dispose() => _lines.Dispose();

    /// <summary>True for one that may be deployed without a turn.</summary>
    private bool IsCompiled(byte[] wasm, SandboxLimits? limits)
    {
        if (engine.Find(ModuleDigest.Of(wasm)) is not { } module)
            return false;
        if (limits is null)
            return true;
        module.CheckFits(limits);
        return module.IsPrepared(limits);
    }

    private static Task Leave(TenantLines.Visit visit)
    {
        visit.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Takes the visit over.</summary>
    private Task Share(TenantId tenant, TenantLines.Visit visit, byte[] wasm, SandboxLimits? limits)
    {
        var key = new Key(tenant, ModuleDigest.Of(wasm), limits);
        lock (_lock)
        {
            if (_underWay.TryGetValue(key, out var underWay))
            {
                visit.Dispose();
                return underWay;
            }

            return _underWay[key] = Task.Run(() => InTurnAsync(key, visit, wasm));
        }
    }

    private async Task InTurnAsync(Key key, TenantLines.Visit visit, byte[] wasm)
    {
        using (visit)
        {
            try
            {
                await visit.DoAsync(() => CompileAsync(wasm, key.Limits), CancellationToken.None);
            }
            finally
            {
                lock (_lock)
                    _underWay.Remove(key);
            }
        }
    }

    private async Task<ISandboxModule> CompileAsync(ReadOnlyMemory<byte> wasm, SandboxLimits? limits)
    {
        var module = await engine.CompileAsync(wasm, CancellationToken.None);
        if (limits is not null)
        {
            module.CheckFits(limits);
            await module.PrepareAsync(limits, CancellationToken.None);
        }

        return module;
    }

    private readonly record struct Key(TenantId Tenant, ModuleDigest Module, SandboxLimits? Limits);
}
