using System.Globalization;
using AgentRuntime.Node;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>
/// This program as a node: <c>node serve PORT MODEL THREADS PARALLEL CONTEXT POOL DEVICE</c>, until its standard input
/// ends.
/// </summary>
internal static class ServedNode
{
    public static async Task RunAsync(string[] arguments)
    {
        int Number(int index) => int.Parse(arguments[index], CultureInfo.InvariantCulture);
        await using var server = await NodeServer.StartAsync(new()
        {
            Port = Number(0), ModelPath = arguments[1], Threads = Number(2), ParallelSequences = Number(3),
            ContextTokens = Number(4), KvPoolTokens = Number(5),
            Device = arguments[6], GpuLayers = arguments[6] == "cpu" ? 0 : -1,
        });
        while (await Console.In.ReadLineAsync() is not null)
        {
        }

        await server.StopAsync();
    }
}
