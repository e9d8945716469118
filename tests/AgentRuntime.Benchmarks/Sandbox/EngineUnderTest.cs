using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed;
using AgentRuntime.Sandboxes.Wasmtime;
using AgentRuntime.Sandboxes.Wasmtime.Loading;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>The engine that is measured, and the same without epoch checks, which no agent gets.</summary>
internal sealed class EngineUnderTest
{
    private readonly WasmtimeLibrary? _library;
    private readonly WasmtimeEngineOptions _options = new();

    public EngineUnderTest(SandboxOptions options)
    {
        if (options.Engine == "managed")
        {
            Engine = new ManagedWasmEngine();
            return;
        }

        _library = WasmtimeLibrary.Find(options.Library)
            ?? throw new ArgumentException("--engine wasmtime: no libwasmtime is installed; give --library PATH");
        _options = new WasmtimeEngineOptions { TrapsBySignals = options.Signals };
        Engine = new WasmtimeEngine(_library, _options);
    }

    public IWasmEngine Engine { get; }

    /// <summary>Suspended by replay, which keeps the instance and repeats what was asked before.</summary>
    public bool Replays => _library is not null;

    /// <summary>The most instances that live at once.</summary>
    public int MaxLive => _library is null ? int.MaxValue : _options.PooledInstances / 2;

    public IWasmModule Compile(string file) =>
        Engine.Compile(File.ReadAllBytes(file), new CompileLimits(), CancellationToken.None);

    /// <summary>An instance whose code never looks at the epoch.</summary>
    public IWasmInstance Unwatched(string file)
    {
        if (_library is null) return ManagedWasmEngine.WithoutEpochs(Compile(file), SandboxBenchmark.Limits);
        var engine = new WasmtimeEngine(_library, _options with { PooledInstances = 0 }) { Watched = false };
        return engine.Compile(File.ReadAllBytes(file), new CompileLimits(), CancellationToken.None)
            .Instantiate([], SandboxBenchmark.Limits);
    }
}
