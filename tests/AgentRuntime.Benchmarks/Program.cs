using AgentRuntime.Benchmarks;
using AgentRuntime.Benchmarks.Policy;

IBenchmark[] benchmarks = [new PolicyBenchmark()];

var chosen = args.Length == 0 ? null : Array.Find(benchmarks, b => b.Name == args[0]);
if (chosen is null)
{
    Console.Error.WriteLine($"usage: ./tests/bench NAME [options]   with NAME one of: {string.Join(", ", benchmarks.Select(b => b.Name))}");
    return 2;
}

Console.WriteLine((await chosen.RunAsync(args[1..], CancellationToken.None)).ToJsonString());
return 0;
