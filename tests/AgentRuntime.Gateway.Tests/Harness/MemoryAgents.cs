using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Deployed agents in memory, and an engine that takes what begins as Wasm does.</summary>
internal sealed class MemoryAgents : IAgentStore, ISandboxEngine
{
    private readonly List<AgentRecord> _agents = [];
    private int _compiling;

    public string Name => "memory";

    /// <summary>Until when modules that end in a zero are compiled; null for no time at all.</summary>
    public TaskCompletionSource? Slow { get; set; }

    /// <summary>The limits that modules were made ready for.</summary>
    public ConcurrentQueue<SandboxLimits> Prepared { get; } = [];

    /// <summary>The last byte of each module that was compiled, in order.</summary>
    public ConcurrentQueue<byte> Compiled { get; } = [];

    /// <summary>Modules that are compiled now.</summary>
    public int Compiling => Volatile.Read(ref _compiling);

    /// <summary>What was deployed last.</summary>
    public AgentDeployment? Deployed { get; private set; }

    public ValueTask<AgentRecord> DeployAsync(AgentDeployment deployment, CancellationToken cancellationToken)
    {
        Deployed = deployment;
        lock (_agents)
        {
            var before = _agents.Find(a => a.Tenant == deployment.Tenant && a.Name == deployment.Name);
            _agents.RemoveAll(a => a == before);
            var agent = new AgentRecord(
                before?.Id ?? AgentId.New(TimeProvider.System),
                deployment.Tenant,
                deployment.Project,
                "demo",
                deployment.Name,
                ModuleDigest.Of(deployment.Module.Span),
                (before?.Version ?? 0) + 1,
                TimeProvider.System.GetUtcNow());
            _agents.Add(agent);
            return ValueTask.FromResult(agent);
        }
    }

    public ValueTask<bool> DeleteAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken)
    {
        lock (_agents)
            return ValueTask.FromResult(_agents.RemoveAll(
                a => a.Tenant == tenant && a.ProjectName == project && a.Name == name) > 0);
    }

    public ValueTask<AgentRecord?> FindAsync(
        TenantId tenant, string project, string name, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_agents.Find(a => a.Tenant == tenant && a.ProjectName == project && a.Name == name));

    public ValueTask<IReadOnlyList<AgentRecord>> ListAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        IReadOnlyList<AgentRecord> mine = [.. _agents.Where(a => a.Tenant == tenant)];
        return ValueTask.FromResult(mine);
    }

    public ValueTask<ReadOnlyMemory<byte>?> ReadModuleAsync(ModuleDigest digest, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public async ValueTask<ISandboxModule> CompileAsync(ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken)
    {
        if (!wasm.Span.StartsWith("\0asm"u8))
            throw new RuntimeErrorException(new(ReasonCodes.InvalidModule, "no magic number", "offset 0"));
        Interlocked.Increment(ref _compiling);
        if (Slow is { } slow && wasm.Span[^1] == 0)
            await slow.Task.WaitAsync(cancellationToken);
        Interlocked.Decrement(ref _compiling);
        Compiled.Enqueue(wasm.Span[^1]);
        return new Module(ModuleDigest.Of(wasm.Span), wasm.Length, Prepared.Enqueue);
    }

    private sealed record Module(ModuleDigest Digest, int Bytes, Action<SandboxLimits> Prepare) : ISandboxModule
    {
        public ValueTask PrepareAsync(SandboxLimits limits, CancellationToken cancellationToken)
        {
            Prepare(limits);
            return ValueTask.CompletedTask;
        }

        /// <summary>As if all of it were settings.</summary>
        public void CheckFits(SandboxLimits limits)
        {
            if (Bytes > limits.MaxStringBytes.Value)
                throw new RuntimeErrorException(new(ReasonCodes.OutputLimit, $"{Bytes} bytes of settings"));
        }

        public ISandbox Instantiate(SandboxLimits limits, ISandboxLog log) => throw new NotSupportedException();
    }
}
