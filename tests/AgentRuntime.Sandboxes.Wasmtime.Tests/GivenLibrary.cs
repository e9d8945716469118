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
    public static WasmtimeEngine? Engine(ITestOutputHelper output)
    {
        if (Made.Value is null) output.WriteLine("skipped: no libwasmtime (set AGENTRUNTIME_WASMTIME to one)");
        return Made.Value;
    }

    public static IWasmModule Compile(this WasmtimeEngine engine, byte[] wasm) =>
        engine.Compile(wasm, new CompileLimits { MaxTime = TimeSpan.FromMinutes(1) }, CancellationToken.None);

    /// <summary>Calls an export of i32 or nothing.</summary>
    public static int CallI32(this IWasmInstance instance, string export, params int[] arguments)
    {
        var results = new WasmValue[1];
        instance.Call(export, [.. arguments.Select(WasmValue.FromI32)], results);
        return results[0].AsI32();
    }
}
