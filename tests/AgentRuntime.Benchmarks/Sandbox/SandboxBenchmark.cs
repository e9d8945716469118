using System.Text.Json.Nodes;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Benchmarks.Sandbox;

/// <summary>
/// <c>./tests/bench sandbox</c>: latencies of an engine, its compute beside Node's V8 on the same module in the same
/// run, and the conformance count where the corpus is at hand.
/// </summary>
internal sealed class SandboxBenchmark : IBenchmark
{
    internal static readonly InstanceLimits Limits = new(64 << 20, 65_536, 10_000, TimeSpan.FromMinutes(5), null);

    public string Name => "sandbox";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var options = SandboxOptions.Parse(args);
        var folder = Path.Combine(AppContext.BaseDirectory, "Sandbox", "kernels");
        var engine = new EngineUnderTest(options);
        var small = engine.Compile(Path.Combine(folder, "small.wasm"));
        var figures = new JsonObject { ["engine"] = engine.Engine.Name };
        if (Asked("latencies")) LatencyFigures.Measure(small, engine, figures);
        if (Asked("stopping")) StopFigures.Measure(small, engine.Engine, figures);
        if (Asked("suspension")) SuspensionFigures.Measure(small, engine, options.Agents, figures);
        if (Asked("compute")) await ComputeFigures.MeasureAsync(engine, folder, figures, cancellationToken);
        if (Asked("conformance")) await ConformanceFigures.MeasureAsync(options, figures, cancellationToken);
        return figures;

        bool Asked(string part)
        {
            if (!options.Parts.Contains(part)) return false;
            Console.Error.WriteLine(part);
            return true;
        }
    }
}
