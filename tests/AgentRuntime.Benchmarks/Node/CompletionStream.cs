using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

namespace AgentRuntime.Benchmarks.Node;

/// <summary>When the events of a streamed completion came.</summary>
/// <param name="SentAt">The request's start; all times are <see cref="Stopwatch"/> timestamps.</param>
/// <param name="Arrivals">Each event with text.</param>
/// <param name="PromptTokens">As the engine counted.</param>
/// <param name="OutputTokens">As the engine counted.</param>
/// <param name="Last">The last event, with usage.</param>
internal sealed record StreamTrace(
    long SentAt, IReadOnlyList<long> Arrivals, int PromptTokens, int OutputTokens, JsonNode Last)
{
    public double TtftSeconds => Stopwatch.GetElapsedTime(SentAt, Arrivals[0]).TotalSeconds;

    /// <summary>Times between neighbouring events, in milliseconds.</summary>
    public IEnumerable<double> GapsMs =>
        Arrivals.Zip(Arrivals.Skip(1), (a, b) => Stopwatch.GetElapsedTime(a, b).TotalMilliseconds);
}

/// <summary>Reads streamed completions; the same for every engine.</summary>
internal static class CompletionStream
{
    private static readonly Uri Path = new("/v1/completions", UriKind.Relative);

    /// <summary>A greedy completion of exactly so many tokens.</summary>
    public static JsonObject Body(string prompt, int tokens) => new()
    {
        ["prompt"] = prompt, ["max_tokens"] = tokens, ["temperature"] = 0, ["ignore_eos"] = true,
        ["stream"] = true, ["stream_options"] = new JsonObject { ["include_usage"] = true },
    };

    public static async Task<StreamTrace> ReadAsync(HttpClient http, JsonObject body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = JsonContent.Create(body) };
        var sent = Stopwatch.GetTimestamp();
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (!response.IsSuccessStatusCode)
            throw new InvalidOperationException(await response.Content.ReadAsStringAsync());
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var arrivals = new List<long>();
        var last = "";
        while (await reader.ReadLineAsync() is { } line)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal)) continue;
            if (line.Contains("\"text\":", StringComparison.Ordinal)) arrivals.Add(Stopwatch.GetTimestamp());
            if (line.Contains("\"usage\":{", StringComparison.Ordinal)) last = line["data: ".Length..];
        }

        var usage = JsonNode.Parse(last)!["usage"]!;
        return new(sent, arrivals, (int)usage["prompt_tokens"]!, (int)usage["completion_tokens"]!,
            JsonNode.Parse(last)!);
    }
}
