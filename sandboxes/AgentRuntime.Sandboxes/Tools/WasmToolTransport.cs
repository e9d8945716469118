using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;

namespace AgentRuntime.Sandboxes.Tools;

/// <summary>
/// Tools that are WebAssembly modules: a tool server with the address <c>wasm:SHA256</c> is the module of that digest,
/// and its one tool is a guest whose <c>run</c> takes the call's arguments and returns the result (decision record
/// 0124). Every call gets a fresh sandbox. A tool reaches nothing: what it asks of models and tools is refused.
/// Thread-safe.
/// </summary>
/// <param name="engine">Runs the modules.</param>
/// <param name="modules">Where modules are read from.</param>
/// <param name="limits">The limits of each call.</param>
/// <param name="time">Measures how long a call takes and how long it sleeps.</param>
public sealed class WasmToolTransport(
    WasmSandboxEngine engine, IAgentStore modules, SandboxLimits limits, TimeProvider time) : IToolTransport
{
    // Tools stand in the compiler's line one at a time, so that runs wait for one of them at most, and a tenant's tools
    // for one of each other tenant's. The runs that wait bound how many wait here.
    private readonly TenantLines _compilations = new(1, "tools", int.MaxValue);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<ToolDescriptor>> ListAsync(
        ToolServer server, CancellationToken cancellationToken)
    {
        var tool = WasmToolDescription.Of(await LoadAsync(server, cancellationToken), server);
        return [tool];
    }

    /// <inheritdoc/>
    public async ValueTask<ToolOutcome> CallAsync(
        ToolServer server, ToolInvocation invocation, CancellationToken cancellationToken)
    {
        var name = $"{server.Name}/{invocation.Tool}";
        using var timeout = new CancellationTokenSource(server.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            var module = await LoadAsync(server, either.Token);
            if (WasmToolDescription.Of(module, server).Name != name)
            {
                return Failed(ReasonCodes.UnknownTool, $"The module offers no tool named '{invocation.Tool}'.", name);
            }
            return await RunAsync(module, invocation.Arguments.GetRawText(), name, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Failed(
                ReasonCodes.ToolTimeout, $"The tool did not answer within {server.Timeout.TotalSeconds:F0} s.", name);
        }
        catch (RuntimeErrorException e)
        {
            return new ToolOutcome.Failed(e.Error);
        }
    }

    private async Task<ToolOutcome> RunAsync(
        WasmSandboxModule module, string argumentsJson, string name, CancellationToken cancellationToken)
    {
        await using var sandbox = module.Instantiate(limits, SilentLog.Instance);
        var step = await sandbox.StartAsync(argumentsJson, cancellationToken);
        while (step is SandboxStep.Blocked blocked)
        {
            var answer = await AnswerAsync(blocked.Call, name, cancellationToken);
            step = await sandbox.ResumeAsync(answer, cancellationToken);
        }
        return step switch
        {
            SandboxStep.Finished finished => new ToolOutcome.Succeeded(finished.Output),
            SandboxStep.Failed failed => Failed(ReasonCodes.ToolFailed, failed.Error, name),
            SandboxStep.Trapped trapped => Failed(ReasonCodes.ToolFailed, trapped.Error.ToString(), name),
            _ => throw new InvalidOperationException($"a sandbox ended with {step.GetType().Name}"),
        };
    }

    private async Task<HostCallResult> AnswerAsync(HostCall call, string name, CancellationToken cancellationToken)
    {
        if (call is HostCall.Sleep sleep)
        {
            await Task.Delay(sleep.Duration, time, cancellationToken);
            return new HostCallResult.Slept();
        }
        return new HostCallResult.Refused(new RuntimeError(
            ReasonCodes.DefaultDeny, "A tool may call neither models nor tools.", name));
    }

    private async Task<WasmSandboxModule> LoadAsync(ToolServer server, CancellationToken cancellationToken)
    {
        if (server.Module is not { } digest) throw NoModule(server);
        if (engine.Find(digest) is WasmSandboxModule module && module.IsPrepared(limits)) return module;
        using var visit = _compilations.Join(server.Tenant);
        // A call that is given up leaves the compiler at work, and its turn is not over before that is.
        return await visit.DoAsync(() => CompileAsync(server, digest), cancellationToken);
    }

    private async Task<WasmSandboxModule> CompileAsync(ToolServer server, ModuleDigest digest)
    {
        var wasm = await modules.ReadModuleAsync(digest, CancellationToken.None) ?? throw NoModule(server);
        var module = (WasmSandboxModule)await engine.CompileAsync(wasm, CancellationToken.None);
        await module.PrepareAsync(limits, CancellationToken.None);
        return module;
    }

    private static RuntimeErrorException NoModule(ToolServer server) => new(new RuntimeError(
        ReasonCodes.ToolServerUnreachable,
        "No module of that digest has been deployed.",
        $"{server.Name}: {server.Endpoint}",
        $"Deploy the tool's module, and name its digest: {ToolServer.ModuleScheme}: and 64 hex digits."));

    private static ToolOutcome.Failed Failed(ReasonCode code, string message, string where) =>
        new(new RuntimeError(code, message, where));

    /// <summary>A tool's log belongs to nobody's run yet.</summary>
    private sealed class SilentLog : ISandboxLog
    {
        public static readonly SilentLog Instance = new();

        public void Write(GuestLogLevel level, string message)
        {
        }
    }
}
