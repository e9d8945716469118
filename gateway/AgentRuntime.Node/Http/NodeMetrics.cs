using System.Globalization;
using System.Text;
using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Http;

/// <summary>
/// <c>/metrics</c> in Prometheus text under vLLM's names (vllm: v1/metrics/loggers.py), so that what scrapes a vLLM
/// scrapes this node. Thread-safe.
/// </summary>
internal sealed class NodeMetrics
{
    private static readonly double[] Short =
        [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80];

    private static readonly double[] Long =
        [0.05, 0.1, 0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480];

    private long _stopped;
    private long _lengthEnded;
    private long _cancelled;
    private long _failed;
    private long _transferredBytes;
    private long _transferFailures;

    public Histogram TimeToFirstToken { get; } =
        new("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.", Short);

    public Histogram InterTokenLatency { get; } =
        new("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", Short);

    public Histogram EndToEnd { get; } =
        new("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", Long);

    public Histogram KvTransfer { get; } =
        new("agentruntime:kv_transfer_seconds", "Histogram of fetching KV state in seconds.", Short);

    public void CountEnd(string? reason)
    {
        switch (reason)
        {
            case "stop" or "tool_calls": Interlocked.Increment(ref _stopped); break;
            case "length": Interlocked.Increment(ref _lengthEnded); break;
            case "cancelled": Interlocked.Increment(ref _cancelled); break;
            default: Interlocked.Increment(ref _failed); break;
        }
    }

    public void CountTransfer(long bytes, double seconds)
    {
        Interlocked.Add(ref _transferredBytes, bytes);
        KvTransfer.Observe(seconds);
    }

    public void CountTransferFailure() => Interlocked.Increment(ref _transferFailures);

    public string Render(NodeService node)
    {
        var text = new StringBuilder(8192);
        var labels = $"engine=\"0\",model_name=\"{Escape(node.ModelName)}\"";
        EngineCounters counters = node.Engine.Counters;
        void One(string name, string type, string help, double value, string? more = null) => text
            .Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n")
            .Append(CultureInfo.InvariantCulture, $"{name}{{{labels}{more}}} {value}\n");

        One("vllm:num_requests_running", "gauge", "Number of requests in model execution batches.", counters.Running);
        One("vllm:num_requests_waiting", "gauge", "Number of requests waiting to be processed.", counters.Waiting);
        One("vllm:kv_cache_usage_perc", "gauge", "KV-cache usage. 1 means 100 percent usage.",
            (double)counters.UsedCells / node.Engine.PoolTokens);
        One("vllm:cache_config_info", "gauge", "Information of the LLMEngine CacheConfig", 1,
            $",block_size=\"{node.Options.BlockTokens}\","
            + $"num_gpu_blocks=\"{node.Engine.PoolTokens / node.Options.BlockTokens}\"");
        // As in vLLM the value is the time of the report.
        One("vllm:lora_requests_info", "gauge", "Running stats on lora requests.",
            node.Model.Adapters.Count == 0 ? 0 : node.Time.GetUtcNow().ToUnixTimeSeconds(),
            $",max_lora=\"{node.Model.Adapters.Count}\","
            + $"running_lora_adapters=\"{Escape(counters.RunningAdapters)}\","
            + $"waiting_lora_adapters=\"{Escape(counters.WaitingAdapters)}\"");
        One("vllm:prefix_cache_queries_total", "counter", "Prefix cache queries, in terms of number of queried tokens.",
            counters.PrefixQueries);
        One("vllm:prefix_cache_hits_total", "counter", "Prefix cache hits, in terms of number of cached tokens.",
            counters.PrefixHits);
        One("vllm:num_preemptions_total", "counter", "Cumulative number of preemption from the engine.",
            counters.Preemptions);
        One("vllm:prompt_tokens_total", "counter", "Number of prefill tokens processed.", counters.PromptTokens);
        One("vllm:generation_tokens_total", "counter", "Number of generation tokens processed.",
            counters.GeneratedTokens);
        Ends(text, labels);
        TimeToFirstToken.Write(text, labels);
        InterTokenLatency.Write(text, labels);
        EndToEnd.Write(text, labels);
        KvTransfer.Write(text, labels);
        One("agentruntime:attention_fallbacks_total", "counter",
            "Parts of batches that llama.cpp computed itself: answers may depend on what was computed beside them.",
            counters.AttentionFallbacks);
        One("agentruntime:kv_transfer_bytes_total", "counter", "KV state fetched, in bytes.",
            Read(ref _transferredBytes));
        One("agentruntime:kv_transfer_failures_total", "counter", "KV state that could not be fetched.",
            Read(ref _transferFailures));
        One("agentruntime:kv_leases", "gauge", "Exported KV states that wait to be fetched.", node.Leases.Count);
        One("agentruntime:kv_lease_bytes", "gauge", "Bytes of exported KV state held.", node.Leases.Bytes);
        One("agentruntime:kv_expected", "gauge", "KV states that are fetched while they are computed elsewhere.",
            node.Expectations.Count);
        One("agentruntime:kv_fetched_ahead_total", "counter", "KV states that were here when they were asked for.",
            node.Expectations.Taken);
        One("agentruntime:kv_leases_expired_total", "counter", "Leases that ended without release.",
            node.Leases.Expired);
        return text.ToString();
    }

    private static long Read(ref long value) => Interlocked.Read(ref value);

    private static string Escape(string label) =>
        label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("\n", "\\n", StringComparison.Ordinal);

    private void Ends(StringBuilder text, string labels)
    {
        const string Name = "vllm:request_success_total";
        text.Append(CultureInfo.InvariantCulture,
            $"# HELP {Name} Count of successfully processed requests.\n# TYPE {Name} counter\n");
        foreach (var (reason, count) in new[]
                 {
                     ("stop", Read(ref _stopped)), ("length", Read(ref _lengthEnded)),
                     ("abort", Read(ref _cancelled)), ("error", Read(ref _failed)),
                 })
            text.Append(CultureInfo.InvariantCulture, $"{Name}{{{labels},finished_reason=\"{reason}\"}} {count}\n");
    }
}
