using System.Globalization;
using System.Text.Json.Nodes;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>
/// <c>./tests/bench sandbox</c>: latencies of the Managed engine, its compute beside Node's V8 on the same module in
/// the
/// same run, and the conformance count where the corpus is at hand.
/// </summary>
internal sealed class SandboxBenchmark : IBenchmark
{
    internal static readonly InstanceLimits Limits = new(64 << 20, 65_536, 10_000, TimeSpan.FromMinutes(5), null);

    public string Name => "sandbox";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Sandbox", "kernels");
        var engine = new ManagedWasmEngine();
        var small = engine.Compile(File.ReadAllBytes(Path.Combine(folder, "small.wasm")), new CompileLimits(),
            cancellationToken);
        var figures = new JsonObject();
        var agents = args is ["--agents", var count] ? int.Parse(count, CultureInfo.InvariantCulture) : 100_000;
        Console.Error.WriteLine("latencies");
        LatencyFigures.Measure(small, figures);
        Console.Error.WriteLine("stopping");
        StopFigures.Measure(small, figures);
        Console.Error.WriteLine("suspension");
        SuspensionFigures.Measure(small, agents, figures);
        Console.Error.WriteLine("compute, beside V8");
        await ComputeFigures.MeasureAsync(engine, folder, figures, cancellationToken);
        Console.Error.WriteLine("conformance");
        await ConformanceFigures.MeasureAsync(figures, cancellationToken);
        return figures;
    }
}
