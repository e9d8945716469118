using System.Text.Json.Nodes;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// <c>./tests/bench gateway</c>: the platform's edge with authentication, quota, policy, audit and routing in front of
/// engines, against hitting an engine directly and against npm <c>@portkey-ai/gateway</c>, all on this machine in one
/// call. <c>requests</c> or <c>streams</c> measures that part alone.
/// </summary>
internal sealed class GatewayBenchmark : IBenchmark
{
    public string Name => "gateway";

    public async Task<JsonObject> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        if (args is ["engine"])
        {
            await LeanEngine.RunAsync();
            return [];
        }

        if (args is not ([] or ["requests"] or ["streams"]))
            throw new ArgumentException("gateway takes nothing, requests or streams");

        var folder = Directory.CreateTempSubdirectory("agentruntime-bench");
        try
        {
            using var lean = await ChildProcess.StartEngineAsync();
            using var other = await ChildProcess.StartEngineAsync();
            var figures = new JsonObject();
            if (args is not ["streams"])
            {
                using var platform = await PlatformUnderTest.StartAsync(
                    folder.CreateSubdirectory("requests").FullName,
                    [(lean.Address, "vllm", "sim"), (other.Address, "vllm", "sim")]);
                await new RequestFigures(platform, lean.Address).AddToAsync(figures);
            }

            if (args is not ["requests"])
            {
                using var fast = await SimulatedEngines.StartAsync("simulated", TimeSpan.Zero);
                using var slow = await SimulatedEngines.StartAsync("slow", TimeSpan.FromSeconds(1));
                using var slower = await SimulatedEngines.StartAsync("slow", TimeSpan.FromSeconds(1));
                using var platform = await PlatformUnderTest.StartAsync(
                    folder.CreateSubdirectory("streams").FullName,
                    [
                        (lean.Address, "vllm", "sim"), (fast.Address, "node", "simulated"),
                        (slow.Address, "node", "slow"), (slower.Address, "node", "slow"),
                    ]);
                await new StreamFigures(platform, lean.Address, fast.Address).AddToAsync(figures);
            }

            return figures;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
