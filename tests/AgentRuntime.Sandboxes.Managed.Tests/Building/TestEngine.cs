using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Managed.Tests.Building;

/// <summary>The engine as the tests use it: generous limits, everything else production code.</summary>
internal static class TestEngine
{
    public const WasmValueType I32 = WasmValueType.I32;
    public const WasmValueType I64 = WasmValueType.I64;

    public static readonly InstanceLimits Limits = new(64 << 20, 65_536, 1_000, TimeSpan.FromSeconds(20), null);

    /// <summary>On the engine that the run chose.</summary>
    public static IWasmModule Compile(ModuleBuilder module) => Compile(module.Build());

    public static IWasmModule Compile(byte[] wasm) => Compile(ChosenEngine.Create(), wasm);

    /// <summary>On the Managed engine whatever the run chose, for tests of its insides.</summary>
    public static ManagedModule CompileManaged(ModuleBuilder module) => CompileManaged(module.Build());

    public static ManagedModule CompileManaged(byte[] wasm) => (ManagedModule)Compile(new ManagedWasmEngine(), wasm);

    private static IWasmModule Compile(IWasmEngine engine, byte[] wasm) => engine.Compile(
        wasm, new CompileLimits { MaxTime = TimeSpan.FromSeconds(60) }, CancellationToken.None);

    public static IWasmInstance Instantiate(ModuleBuilder module, params HostFunction[] functions) =>
        Compile(module).Instantiate(functions, Limits);

    /// <summary>Calls an export of i32 or nothing.</summary>
    public static int Call(this IWasmInstance instance, string export, params int[] arguments)
    {
        var results = new WasmValue[1];
        instance.Call(export, [.. arguments.Select(WasmValue.FromI32)], results);
        return results[0].AsI32();
    }

    public static WasmTrapException Traps(Action action) => Assert.Throws<WasmTrapException>(action);

    /// <summary>Runs on a thread of its own, which the test ends with; what is thrown there is thrown here.</summary>
    public static void OnThread(int stackBytes, Action action)
    {
        Exception? thrown = null;
        var thread = new Thread(() => thrown = Record.Exception(action), stackBytes);
        thread.Start();
        thread.Join();
        if (thrown is not null) throw thrown;
    }
}
