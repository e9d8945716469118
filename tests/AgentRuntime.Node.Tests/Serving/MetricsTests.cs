using System.Diagnostics;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Serving;

public sealed class MetricsTests(ServingFixture fixture, ITestOutputHelper output) : IClassFixture<ServingFixture>
{
    private const string Promtool = "/usr/bin/promtool";

    [Fact]
    public async Task Prometheus_own_parser_reads_the_metrics()
    {
        if (!File.Exists(Promtool))
        {
            output.WriteLine("promtool (Debian: prometheus) is not installed; nothing was tested");
            return;
        }

        await DemoNode.PostAsync(fixture.Node, "/v1/chat/completions", DemoNode.Chat("hello", 4));
        using var http = DemoNode.Client(fixture.Node);
        var metrics = await http.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        using var check = Process.Start(new ProcessStartInfo(Promtool, ["check", "metrics"])
        {
            RedirectStandardInput = true, RedirectStandardError = true, RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        await check.StandardInput.WriteAsync(metrics);
        check.StandardInput.Close();
        var complaints = (await check.StandardError.ReadToEndAsync())
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
        await check.WaitForExitAsync();

        // 3 is a matter of taste, 1 is text that does not parse. The colons are vLLM's.
        Assert.Contains(check.ExitCode, (int[])[0, 3]);
        Assert.DoesNotContain(complaints, c => !c.EndsWith("metric names should not contain ':'",
            StringComparison.Ordinal));
        foreach (var name in (string[])[
            "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
            "vllm:cache_config_info", "vllm:lora_requests_info", "vllm:prefix_cache_queries_total",
            "vllm:prefix_cache_hits_total", "vllm:num_preemptions_total", "vllm:prompt_tokens_total",
            "vllm:generation_tokens_total", "vllm:time_to_first_token_seconds_bucket",
            "vllm:inter_token_latency_seconds_bucket", "vllm:e2e_request_latency_seconds_bucket",
            "agentruntime:attention_fallbacks_total"])
            Assert.Contains($"\n{name}{{", metrics, StringComparison.Ordinal);
    }
}
