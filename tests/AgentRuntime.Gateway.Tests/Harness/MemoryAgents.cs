using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Deployed agents in memory, and an engine that takes what begins as Wasm does.</summary>
internal sealed class MemoryAgents : IAgentStore, ISandboxEngine
{
    private readonly List<AgentRecord> _agents = [];

    public string Name => "memory";

    public ValueTask<AgentRecord> DeployAsync(AgentDeployment deployment, CancellationToken cancellationToken)
    {
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

    public ValueTask<ISandboxModule> CompileAsync(ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken) =>
        wasm.Span.StartsWith("\0asm"u8)
            ? ValueTask.FromResult<ISandboxModule>(new Module(ModuleDigest.Of(wasm.Span), wasm.Length))
            : throw new RuntimeErrorException(new(ReasonCodes.InvalidModule, "no magic number", "offset 0"));

    private sealed record Module(ModuleDigest Digest, int Bytes) : ISandboxModule
    {
        /// <summary>As if all of it were settings.</summary>
        public void CheckFits(SandboxLimits limits)
        {
            if (Bytes > limits.MaxStringBytes.Value)
                throw new RuntimeErrorException(new(ReasonCodes.OutputLimit, $"{Bytes} bytes of settings"));
        }

        public ISandbox Instantiate(SandboxLimits limits, ISandboxLog log) => throw new NotSupportedException();
    }
}
