using System.Text.Json.Nodes;

namespace AgentRuntime.Benchmarks;

/// <summary>One benchmark of <c>./tests/bench NAME</c>: what it compares runs side by side in the same call.</summary>
internal interface IBenchmark
{
    /// <summary>The name on the command line.</summary>
    string Name { get; }

    /// <summary>
    /// Runs within five minutes on two cores and returns the figures; progress goes to standard error.
    /// </summary>
    Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken);
}
