using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed;
using AgentRuntime.Sandboxes.Wasmtime;
using AgentRuntime.Sandboxes.Wasmtime.Loading;

namespace AgentRuntime.TestKit;

/// <summary>
/// The engine that the sandbox suites run on: <c>AGENTRUNTIME_TEST_ENGINE</c>, <c>managed</c> or <c>wasmtime</c>, as
/// <c>./tests/run --engine NAME --library PATH</c> sets it. Managed when nothing is said.
/// </summary>
public static class ChosenEngine
{
    private static readonly Lazy<WasmtimeEngine> Wasmtime = new(() => new WasmtimeEngine(
        WasmtimeLibrary.Find(null) ?? throw new InvalidOperationException(
            "AGENTRUNTIME_TEST_ENGINE is wasmtime, but there is no libwasmtime: set AGENTRUNTIME_WASMTIME to one"),
        new WasmtimeEngineOptions()));

    /// <summary>Its name.</summary>
    public static string Name { get; } =
        Environment.GetEnvironmentVariable("AGENTRUNTIME_TEST_ENGINE") is { Length: > 0 } name ? name : "managed";

    /// <summary>Whether it is the Managed engine, whose insides some tests look at.</summary>
    public static bool IsManaged => Name == "managed";

    /// <summary>The engine.</summary>
    public static IWasmEngine Create() => Name switch
    {
        "managed" => new ManagedWasmEngine(),
        "wasmtime" => Wasmtime.Value,
        _ => throw new InvalidOperationException($"AGENTRUNTIME_TEST_ENGINE is '{Name}', not managed or wasmtime"),
    };
}
