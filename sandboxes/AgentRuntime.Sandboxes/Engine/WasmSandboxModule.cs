using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>A compiled module that fits the agent world. Immutable and thread-safe.</summary>
internal sealed class WasmSandboxModule : ISandboxModule
{
    private readonly GuestSettings _settings;
    private readonly HostFunction[] _unbound;
    private readonly long _initialMemoryBytes;

    /// <exception cref="RuntimeErrorException">AR3003, AR3004.</exception>
    public WasmSandboxModule(WasmSandboxEngine owner, ModuleDigest digest, IWasmModule code, ModuleSections sections)
    {
        Owner = owner;
        Digest = digest;
        Code = code;
        Imports = ModuleShape.Link(code.Imports);
        _unbound = ModuleShape.Unbound(Imports);
        ModuleShape.CheckExports(code.Exports);
        HasPostRun = ModuleShape.Has(code.Exports, AgentWorld.PostRun, ModuleShape.PostRunType);
        HasInitialize = ModuleShape.Has(code.Exports, AgentWorld.Initialize, ModuleShape.InitializeType);
        _initialMemoryBytes = sections.InitialMemoryBytes;
        _settings = new GuestSettings(sections.Settings);
    }

    /// <inheritdoc/>
    public ModuleDigest Digest { get; }

    public WasmSandboxEngine Owner { get; }

    public IWasmModule Code { get; }

    /// <summary>What the module imports, in its order.</summary>
    public IReadOnlyList<WorldFunction> Imports { get; }

    /// <summary>The settings that the module carries.</summary>
    public IReadOnlyDictionary<string, string> OwnSettings => _settings.All;

    /// <summary>What it takes of the host's memory by now.</summary>
    public CacheWeight Weight => new(_settings.HostBytes, Code, Code.SizeBytes);

    public bool HasPostRun { get; }

    public bool HasInitialize { get; }

    /// <inheritdoc/>
    public void CheckFits(SandboxLimits limits)
    {
        CheckMemory(limits);
        Settings(limits, ModuleSections.NoSettings);
    }

    /// <inheritdoc/>
    public bool IsPrepared(SandboxLimits limits) => Code.IsPrepared(_unbound, TrapErrors.CoreLimits(limits));

    /// <inheritdoc/>
    public ValueTask PrepareAsync(SandboxLimits limits, CancellationToken cancellationToken) =>
        IsPrepared(limits)
            ? ValueTask.CompletedTask
            : new(Owner.PrepareAsync(this, _unbound, limits, cancellationToken));

    /// <inheritdoc/>
    public ISandbox Instantiate(SandboxLimits limits, ISandboxLog log) =>
        Instantiate(limits, log, ModuleSections.NoSettings);

    /// <inheritdoc/>
    public ISandbox Instantiate(
        SandboxLimits limits, ISandboxLog log, IReadOnlyDictionary<string, string> configuration)
    {
        CheckMemory(limits);
        return new WasmSandbox(this, limits, log, Settings(limits, configuration));
    }

    /// <inheritdoc/>
    public ISandbox Restore(
        ReadOnlySpan<byte> snapshot,
        SandboxLimits limits,
        ISandboxLog log,
        IReadOnlyDictionary<string, string> configuration)
    {
        var sandbox = new WasmSandbox(this, limits, log, Settings(limits, configuration));
        try
        {
            sandbox.Restore(snapshot);
            return sandbox;
        }
        catch (WasmSnapshotException e)
        {
            throw new RuntimeErrorException(SandboxSnapshot.Invalid(e), e);
        }
    }

    private void CheckMemory(SandboxLimits limits)
    {
        var given = TrapErrors.Given(limits, Owner.Core);
        if (_initialMemoryBytes <= given.MaxMemory.Value) return;
        throw new RuntimeErrorException(new RuntimeError(
            ReasonCodes.MemoryLimit,
            $"The module starts with {_initialMemoryBytes} bytes of memory; the agent may have {given.MaxMemory}.",
            Action: $"Build the module with less initial memory, or {TrapErrors.MoreMemory(given, Owner.Core)}."));
    }

    // One call of the guest's takes all of them across.
    private GuestSettings Settings(SandboxLimits limits, IReadOnlyDictionary<string, string> given)
    {
        var settings = With(given);
        if (settings.GuestBytes <= limits.MaxStringBytes.Value) return settings;
        throw new RuntimeErrorException(new RuntimeError(
            ReasonCodes.OutputLimit,
            $"The agent's settings have {settings.GuestBytes} bytes; {limits.MaxStringBytes} may cross into the guest.",
            Action: "Make its script or settings shorter, or raise limits.string in the agent's bundle."));
    }

    // The module's own settings are what it brings; those that it is given count.
    private GuestSettings With(IReadOnlyDictionary<string, string> given)
    {
        if (given.Count == 0) return _settings;
        if (OwnSettings.Count == 0) return new GuestSettings(given);
        var all = new Dictionary<string, string>(OwnSettings, StringComparer.Ordinal);
        foreach (var (key, value) in given) all[key] = value;
        return new GuestSettings(all);
    }
}
