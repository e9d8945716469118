using AgentRuntime.Abstractions;
using AgentRuntime.Benchmarks;
using AgentRuntime.Benchmarks.Gateway;
using AgentRuntime.Benchmarks.Node;
using AgentRuntime.Benchmarks.Policy;
using AgentRuntime.Benchmarks.Routing;
using AgentRuntime.Benchmarks.Sandbox;

IBenchmark[] benchmarks =
[
    new TraceBenchmark(),
    new FairnessBenchmark(),
    new RouterBenchmark(),
    new GatewayBenchmark(),
    new NodeBenchmark(),
    new DisaggregationBenchmark(),
    new RetainBenchmark(),
    new GrammarBenchmark(),
    new SandboxBenchmark(),
    new PolicyBenchmark(new HistoryFigures()),
];

var chosen = args.Length == 0 ? null : Array.Find(benchmarks, b => b.Name == args[0]);
if (chosen is null)
{
    var names = string.Join(", ", benchmarks.Select(b => b.Name));
    Console.Error.WriteLine($"usage: ./tests/bench NAME [options]   with NAME one of: {names}");
    return 2;
}

try
{
    Console.WriteLine((await chosen.RunAsync(args[1..], CancellationToken.None)).ToJsonString());
    return 0;
}
catch (ArgumentException e) when (e.GetType() == typeof(ArgumentException)) // not those that a mistake raises
{
    Console.Error.WriteLine($"./tests/bench {chosen.Name}: {e.Message}");
    return 2;
}
catch (RuntimeErrorException e)
{
    Console.Error.WriteLine($"error {e.Error}");
    return 1;
}
