using System.Buffers.Text;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>
/// Reads an engine's load from Prometheus' text format (0.0.4), under vLLM's and SGLang's names. Samples of one name
/// with different labels are added up: they are the parts of one engine. Stateless.
/// </summary>
internal static class MetricsReader
{
    /// <summary>Null when the text has neither engine's names.</summary>
    public static EngineReport? Read(ReadOnlySpan<byte> text)
    {
        double waiting = 0, running = 0, usage = 0, started = 0, tokens = 0;
        var found = false;
        var (loras, lorasAt) = ((LoraReport?)null, double.NegativeInfinity);
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            if (Sample(line, "vllm:num_requests_waiting"u8, "sglang:num_queue_reqs"u8) is { } w)
                waiting += w;
            else if (Sample(line, "vllm:num_requests_running"u8, "sglang:num_running_reqs"u8) is { } r)
                (running, found) = (running + r, true);
            else if (Sample(line, "vllm:kv_cache_usage_perc"u8, "sglang:token_usage"u8) is { } u)
                usage = Math.Max(usage, u);
            else if (Sample(line, "vllm:prompt_tokens_total"u8, "sglang:prompt_tokens_total"u8) is { } p)
                tokens += p;
            else if (Sample(line, "vllm:generation_tokens_total"u8, "sglang:generation_tokens_total"u8) is { } g)
                tokens += g;
            else if (Sample(line, "vllm:lora_requests_info"u8, default) is { } at && at > lorasAt)
                // Each set of labels stays in the text once it was shown; the value is when that was.
                (loras, lorasAt) = (LoraLabels.Read(line), at);
            else if (Sample(line, "process_start_time_seconds"u8, default) is { } s)
                started = s;
        }

        return found
            ? new(new EngineLoad(Count(waiting), Count(running), Math.Clamp(usage, 0, 1)), new(started, tokens))
            {
                Loras = loras,
            }
            : null;
    }

    private static int Count(double value) => (int)Math.Clamp(value, 0, 1e9);

    private static double? Sample(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name, ReadOnlySpan<byte> otherName)
    {
        var length = line.StartsWith(name) ? name.Length : line.StartsWith(otherName) ? otherName.Length : 0;
        if (length == 0 || line.Length <= length || line[length] is not ((byte)'{' or (byte)' '))
            return null;

        // A label's value may hold spaces and braces; the last brace ends them all.
        var value = line[Math.Max(length, line.LastIndexOf((byte)'}') + 1)..].TrimStart((byte)' ');
        return Utf8Parser.TryParse(value, out double number, out _) && double.IsFinite(number) ? number : null;
    }
}
