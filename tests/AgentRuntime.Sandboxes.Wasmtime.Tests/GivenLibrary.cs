using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Loading;
using Xunit.Abstractions;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>The library that the tests run against, where one is given; without it they say so and check
/// nothing.</summary>
internal static class GivenLibrary
{
    public static readonly InstanceLimits Limits = new(64 << 20, 65_536, 1_000, TimeSpan.FromSeconds(20), null);

    private static readonly Lazy<WasmtimeEngine?> Made = new(() =>
        WasmtimeLibrary.Find(null) is { } library ? new WasmtimeEngine(library, new WasmtimeEngineOptions()) : null);

    /// <summary>The engine, or null after a line in the test's output.</summary>
    public static WasmtimeEngine? Given(ITestOutputHelper output)
    {
        if (Made.Value is null) output.WriteLine("skipped: no libwasmtime (set AGENTRUNTIME_WASMTIME to one)");
        return Made.Value;
    }

    public static IWasmModule Compile(this WasmtimeEngine engine, byte[] wasm) =>
        engine.Compile(wasm, new CompileLimits { MaxTime = TimeSpan.FromMinutes(1) }, CancellationToken.None);

    /// <summary>A guest whose host function is given; twice its argument when none is.</summary>
    public static IWasmInstance Start(
        this WasmtimeEngine engine, HostFunctionBody? host = null, InstanceLimits? limits = null) =>
        engine.Compile(GuestModules.Guest).Instantiate([Host(host ?? Doubling)], limits ?? Limits);

    public static HostFunction Host(HostFunctionBody body, bool mayBlock = false) =>
        new(new FunctionType([WasmValueType.I32], [WasmValueType.I32]), mayBlock, body);

    public static HostReturn Doubling(
        IWasmInstance instance, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        results[0] = WasmValue.FromI32(arguments[0].AsI32() * 2);
        return HostReturn.Completed;
    }

    /// <summary>Calls an export of i32 or nothing.</summary>
    public static int CallI32(this IWasmInstance instance, string export, params int[] arguments)
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
