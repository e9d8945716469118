using System.Globalization;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// Nodes of the product, <c>agentruntime node --simulate</c>: all of a node but the model. Each owns its process.
/// </summary>
internal static class SimulatedEngines
{
    /// <summary>Sequences that one node works on at once.</summary>
    public const int Sequences = 4_000;

    private const int TokensPerSequence = 700;

    /// <summary>A node that writes a token of every answer once in a while.</summary>
    /// <param name="model">The name of its model.</param>
    /// <param name="pass">How long one token takes; 0 for as fast as it can.</param>
    public static Task<ChildProcess> StartAsync(string model, TimeSpan pass) => ChildProcess.StartAsync(
        "dotnet",
        [
            PlatformUnderTest.Program, "node", "--simulate", "--name", model, "--model-name", model, "--port", "0",
            "--context", "8192",
            "--parallel", Text(Sequences), "--kv-tokens", Text(Sequences * TokensPerSequence),
            "--sim-pass-ms", Text(pass.TotalMilliseconds), "--sim-prefill-us", "0", "--sim-decode-us", "0",
            "--exit-with-parent",
        ],
        PlatformUnderTest.ReadyAt);

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
