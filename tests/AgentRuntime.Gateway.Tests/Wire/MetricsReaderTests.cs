using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway.Tests;

public class MetricsReaderTests
{
    [Fact]
    public void VLlms_metrics_are_read_and_parts_added_up() => Assert.Equal(
        new EngineReport(new EngineLoad(7, 5, 0.25), default),
        MetricsReader.Read("""
            # HELP vllm:num_requests_running Number of requests in model execution batches.
            # TYPE vllm:num_requests_running gauge
            vllm:num_requests_running{engine="0",model_name="a } b"} 3.0
            vllm:num_requests_running{engine="1",model_name="a"} 2.0
            vllm:num_requests_waiting{engine="0"} 7.0
            vllm:num_requests_waiting_by_reason{reason="capacity"} 9.0
            vllm:kv_cache_usage_perc{engine="0"} 0.25
            """u8));

    [Fact]
    public void SgLangs_metrics_are_read() => Assert.Equal(
        new EngineReport(new EngineLoad(1, 2, 0.5), default),
        MetricsReader.Read(
            "sglang:num_running_reqs 2\nsglang:num_queue_reqs{a=\"b\"} 1\nsglang:token_usage 0.5\n"u8));

    [Fact]
    public void The_newest_word_on_adapters_counts()
    {
        var loras = MetricsReader.Read("""
            vllm:num_requests_running 1
            vllm:lora_requests_info{max_lora="4",running_lora_adapters="old",waiting_lora_adapters=""} 1.7e+09
            vllm:lora_requests_info{max_lora="4",running_lora_adapters="a, b\"}\\c",waiting_lora_adapters="d"} 1.9e+09
            vllm:lora_requests_info{max_lora="4",running_lora_adapters="",waiting_lora_adapters="old"} 1.8e+09
            """u8)!.Value.Loras!;

        Assert.Equal(["a", "b\"}\\c"], loras.Running);
        Assert.Equal(["d"], loras.Waiting);
        Assert.Equal(4, loras.Capacity);
        Assert.Null(MetricsReader.Read("vllm:num_requests_running 1"u8)!.Value.Loras);
    }

    [Theory]
    [InlineData("")]
    [InlineData("other_metric 1")]
    [InlineData("vllm:num_requests_running NaN")]
    [InlineData("vllm:num_requests_running{a=\"b\"}")]
    public void What_is_not_an_engines_load_is_none(string text) =>
        Assert.Null(MetricsReader.Read(System.Text.Encoding.UTF8.GetBytes(text)));
}
