using System.Globalization;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>What both engines get. Immutable.</summary>
internal sealed record NodeShape(int Threads, int Parallel, int Context, int Pool, string Device = "cpu")
{
    public string ThreadsText => Text(Threads);

    public string ParallelText => Text(Parallel);

    public string PoolText => Text(Pool);

    /// <summary>The arguments of <see cref="ServedNode"/> after the port.</summary>
    public string[] Arguments(string model) =>
        [model, ThreadsText, ParallelText, Text(Context), PoolText, Device];

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
