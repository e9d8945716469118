using System.Text.Json.Nodes;

namespace AgentRuntime.Benchmarks.Gateway;

/// <summary>
/// Streams through the platform: the time that it adds to the first token, the chunks that it passes on, and 5,000 that
/// are open at the same time, written by nodes of the product that compute nothing.
/// </summary>
/// <param name="platform">It serves the models <c>sim</c>, <c>simulated</c> and <c>slow</c>.</param>
/// <param name="lean">The engine of <c>sim</c>.</param>
/// <param name="simulated">The node of <c>simulated</c>.</param>
internal sealed class StreamFigures(PlatformUnderTest platform, string lean, string simulated)
{
    private const int Open = 5_000;
    private const int AtOnce = 2;
    private const int Rounds = 5;

    public async Task AddToAsync(JsonObject figures)
    {
        var before = platform.RssMb;
        await FirstTokensAsync(figures, "", "sim", lean);
        await FirstTokensAsync(figures, "_simulated", "simulated", simulated);
        using (var streams = new StreamLoad(platform.Address, platform.Keys, "sim"))
        {
            await streams.ChunksPerSecondAsync(32, 1_000);
            figures["stream_chunks_per_s"] = Round(await streams.ChunksPerSecondAsync(32, 8_000));
        }

        using (var streams = new StreamLoad(platform.Address, platform.Keys, "simulated"))
            figures["stream_chunks_per_s_simulated"] = Round(await streams.ChunksPerSecondAsync(32, 500));
        using (var direct = new StreamLoad(simulated, [], "simulated"))
            figures["stream_chunks_per_s_simulated_direct"] = Round(await direct.ChunksPerSecondAsync(32, 500));

        using (var streams = new StreamLoad(platform.Address, platform.Keys, "slow"))
        {
            var rss = 0.0;
            figures["streams_open"] = await streams.HoldOpenAsync(Open, () => rss = platform.RssMb);
            figures["rss_mb"] = Round(rss);
            figures["rss_mb_before"] = Round(before);
        }
    }

    private async Task FirstTokensAsync(JsonObject figures, string suffix, string model, string engine)
    {
        using var through = new StreamLoad(platform.Address, platform.Keys, model);
        using var direct = new StreamLoad(engine, [], model);
        await through.FirstTokensAsync(AtOnce, 400);
        await direct.FirstTokensAsync(AtOnce, 400);
        var (p50, p99) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            var with = await through.FirstTokensAsync(AtOnce, 200);
            var without = await direct.FirstTokensAsync(AtOnce, 200);
            p50.Add(Quantile(with, 50) - Quantile(without, 50));
            p99.Add(Quantile(with, 99) - Quantile(without, 99));
        }

        figures["ttft_added_ms_p50" + suffix] = Round(p50.Order().ElementAt(Rounds / 2));
        figures["ttft_added_ms_p99" + suffix] = Round(p99.Order().ElementAt(Rounds / 2));
    }

    private static double Quantile(double[] sorted, int percent) => sorted[sorted.Length * percent / 100];

    private static double Round(double value) => Math.Round(value, 3);
}
