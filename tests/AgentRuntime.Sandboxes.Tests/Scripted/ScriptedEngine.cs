using System.Collections.Concurrent;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Tests.Scripted;

/// <summary>
/// A core engine whose guests are C# scripts over a byte array: for testing the layer above an engine, in both ways in
/// which an engine can wait, and with guests that no compiler would write.
/// </summary>
internal sealed class ScriptedEngine(bool suspends) : IWasmEngine
{
    private int _compilations;

    public string Name => "scripted";

    public bool SupportsSuspension => suspends;

    public long MaxMemoryBytes { get; init; } = 4L << 30;

    public int Compilations => Volatile.Read(ref _compilations);

    /// <summary>The numbers of the modules that were compiled, in turn (<see cref="Bytes"/>).</summary>
    public ConcurrentQueue<byte> Compiled { get; } = [];

    /// <summary>The module that the next compilations give.</summary>
    public ScriptedModule Module { get; set; } = new(static _ => 0);

    /// <summary>Held by a compilation while it is under way.</summary>
    public ManualResetEventSlim MayCompile { get; } = new(true);

    public IWasmModule Compile(ReadOnlyMemory<byte> wasm, CompileLimits limits, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _compilations);
        MayCompile.Wait(cancellationToken);
        Compiled.Enqueue(wasm.Span[^1]);
        return wasm.Length < 8 ? throw new WasmModuleException(ModuleFault.Malformed, "unexpected end", 0) : Module;
    }

    /// <summary>Bytes that stand for a module: a header, and a custom section that makes them differ.</summary>
    public static byte[] Bytes(byte number = 0) => [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 0, 2, 1, number];
}

/// <summary>A module whose <c>run</c> is a script.</summary>
internal sealed class ScriptedModule(Func<ScriptedInstance, int> run) : IWasmModule
{
    private static readonly WasmValueType I32 = WasmValueType.I32;

    public static readonly IReadOnlyList<WasmExport> AgentExports =
    [
        new("memory", ExternKind.Memory, null),
        new("run", ExternKind.Function, new FunctionType([I32, I32], [I32])),
        new("cabi_realloc", ExternKind.Function, new FunctionType([I32, I32, I32, I32], [I32])),
    ];

    private readonly Lock _metering = new();
    private bool _isMetered;

    public IReadOnlyList<WasmImport> Imports { get; init; } = [];

    public IReadOnlyList<WasmExport> Exports { get; init; } = AgentExports;

    public long SizeBytes { get; set; }

    /// <summary>The guest's allocator; by default one that never frees.</summary>
    public Func<ScriptedInstance, uint, uint> Realloc { get; init; } = static (instance, size) => instance.Bump(size);

    public Func<ScriptedInstance, int> Run => run;

    public List<ScriptedInstance> Instances { get; } = [];

    /// <summary>What making the code that counts fuel takes; it is made once.</summary>
    public Action MakeMetered { get; init; } = static () => { };

    public bool IsPrepared(IReadOnlyList<HostFunction> functions, InstanceLimits limits)
    {
        lock (_metering) return limits.Fuel is null || _isMetered;
    }

    public void Prepare(IReadOnlyList<HostFunction> functions, InstanceLimits limits)
    {
        lock (_metering)
        {
            if (limits.Fuel is null || _isMetered) return;
            MakeMetered();
            _isMetered = true;
        }
    }

    public IWasmInstance Instantiate(IReadOnlyList<HostFunction> functions, InstanceLimits limits)
    {
        Prepare(functions, limits);
        var instance = new ScriptedInstance(this, functions);
        lock (Instances) Instances.Add(instance);
        return instance;
    }
}
