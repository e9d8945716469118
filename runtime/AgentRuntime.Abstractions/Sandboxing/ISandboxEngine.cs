namespace AgentRuntime.Abstractions;

/// <summary>
/// Turns the bytes of a Wasm module that targets the <c>agentruntime:agent</c> world (<c>sandboxes/wit/</c>) into
/// something that can be run many times. Thread-safe.
/// </summary>
public interface ISandboxEngine
{
    /// <summary>The engine's name as telemetry and the journal show it: <c>managed</c> or <c>wasmtime</c>.</summary>
    string Name { get; }

    /// <summary>
    /// Validates and compiles a module, off the request path and within the engine's compile limits. The same bytes
    /// give the same module without compiling again while it is cached.
    /// </summary>
    /// <exception cref="RuntimeErrorException">
    /// AR3001 invalid, AR3002 too large, AR3003 unknown import, AR3004 missing export, AR3014 busy.
    /// </exception>
    ValueTask<ISandboxModule> CompileAsync(ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken);

    /// <summary>
    /// A module that is compiled and cached, so that nobody need wait for a turn to compile it; null when it would have
    /// to be compiled. An engine without a cache has none.
    /// </summary>
    ISandboxModule? Find(ModuleDigest digest) => null;
}

/// <summary>A compiled module. Thread-safe; instances share nothing but code.</summary>
public interface ISandboxModule
{
    /// <summary>The digest of the bytes that were compiled.</summary>
    ModuleDigest Digest { get; }

    /// <summary>Throws when no guest could start under these limits, as <see cref="Instantiate(SandboxLimits,
    /// ISandboxLog)"/> would. An engine that cannot tell before throws nothing.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR3005: the module's initial memory exceeds the limit; AR3012: the settings that it carries do.
    /// </exception>
    void CheckFits(SandboxLimits limits)
    {
    }

    /// <summary>Whether all the code is there that guests under these limits run.</summary>
    bool IsPrepared(SandboxLimits limits) => true;

    /// <summary>
    /// Compiles what guests under these limits run and is not there yet, such as code that counts fuel, where modules
    /// are compiled and within the same bounds: as dear as <see cref="ISandboxEngine.CompileAsync"/>, and for the same
    /// turn. Without it the first such guest's start does it.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR3002 too large, AR3014 busy.</exception>
    ValueTask PrepareAsync(SandboxLimits limits, CancellationToken cancellationToken) => ValueTask.CompletedTask;

    /// <summary>A fresh instance with zeroed memory under these limits. Cheap: from a pool.</summary>
    /// <exception cref="RuntimeErrorException">AR3005, AR3012, as above.</exception>
    ISandbox Instantiate(SandboxLimits limits, ISandboxLog log);

    /// <summary>The same for an agent that has settings of its own: its <c>agentruntime:agent/config</c>.</summary>
    /// <exception cref="RuntimeErrorException">AR3005, AR3012, with these settings among the module's.</exception>
    /// <exception cref="NotSupportedException">There are settings, and the engine does not pass them on.</exception>
    ISandbox Instantiate(SandboxLimits limits, ISandboxLog log, IReadOnlyDictionary<string, string> configuration) =>
        configuration.Count == 0 ? Instantiate(limits, log) : throw new NotSupportedException();

    /// <summary>
    /// A guest as <see cref="ISandbox.WriteSnapshot"/> wrote it: blocked in the same host call, and resumed with its
    /// answer like the original. What it had used counts against the limits.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR3015: damaged, or of another module, version or limits.</exception>
    /// <exception cref="NotSupportedException">The engine has no snapshots.</exception>
    ISandbox Restore(
        ReadOnlySpan<byte> snapshot,
        SandboxLimits limits,
        ISandboxLog log,
        IReadOnlyDictionary<string, string> configuration) =>
        throw new NotSupportedException("this engine has no snapshots");
}

/// <summary>
/// Where a guest's log lines go. Called on the guest's thread; must not block for long and must not throw.
/// </summary>
public interface ISandboxLog
{
    /// <summary>One line, already cut to the limit of <see cref="SandboxLimits.MaxLogBytes"/>.</summary>
    void Write(GuestLogLevel level, string message);
}

/// <summary>The level of a guest's log line.</summary>
public enum GuestLogLevel : byte
{
    /// <summary>For the agent's developer.</summary>
    Debug = 1,

    /// <summary>Normal progress; also what the guest writes to standard output.</summary>
    Info = 2,

    /// <summary>Unexpected, but handled.</summary>
    Warning = 3,

    /// <summary>Failed; also what the guest writes to standard error.</summary>
    Error = 4,
}
