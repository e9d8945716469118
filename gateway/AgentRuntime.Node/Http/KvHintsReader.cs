using System.Globalization;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Engine;

namespace AgentRuntime.Node.Http;

/// <summary>
/// Reads <c>kv_hints</c>, the envelope by which an orchestrator tells vLLM and SGLang what it knows of a cache's use
/// (vllm-project/vllm#53423), for the action that this engine knows: <c>kv.retain</c> 1.x. Others are left alone, as
/// the envelope wants. Stateless.
/// </summary>
internal static class KvHintsReader
{
    private const int MostActions = 16;
    private const int MostDirectives = 128;
    private const double MostSeconds = 30 * 24 * 3600;

    /// <exception cref="RuntimeErrorException">AR1004: the envelope or a <c>kv.retain</c> is malformed.</exception>
    public static IReadOnlyList<RetainDirective> Read(JsonElement body)
    {
        if (CompletionRequestReader.Child(body, "kv_hints") is not { } hints) return [];
        if (CompletionRequestReader.Child(hints, "actions") is not { ValueKind: JsonValueKind.Array } actions)
            throw Malformed("kv_hints.actions is not a list");
        List<RetainDirective> directives = [];
        string? scope = null;
        var retains = 0;
        foreach (var action in actions.EnumerateArray())
        {
            if (CompletionRequestReader.Text(action, "action_type", 256) is not "kv.retain") continue;
            if (++retains > MostActions) throw Malformed($"kv_hints has more than {MostActions} kv.retain actions");
            var version = CompletionRequestReader.Text(action, "action_version", 64) ?? "";
            if (version.Split('.')[0] != "1") throw Malformed($"kv.retain has version '{version}', not 1.x");
            if (CompletionRequestReader.Child(action, "payload") is not { ValueKind: JsonValueKind.Object } payload)
                throw Malformed("kv.retain has no payload");
            var its = CompletionRequestReader.Text(payload, "scope", 1024);
            if (retains > 1 && its != scope) throw Malformed("the kv.retain actions do not share a scope");
            scope = its;
            if (CompletionRequestReader.Child(payload, "directives") is not { ValueKind: JsonValueKind.Array } list)
                throw Malformed("kv.retain's directives are not a list");
            directives.AddRange(list.EnumerateArray().Select(Directive));
            if (directives.Count > MostDirectives)
                throw Malformed($"kv_hints has more than {MostDirectives} directives");
        }

        CheckOrder(directives);
        return directives;
    }

    private static RetainDirective Directive(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) throw Malformed("a directive is not an object");
        if (value.EnumerateObject().Select(p => p.Name).FirstOrDefault(n => !IsKnown(n)) is { } unknown)
            throw Malformed($"a directive has an unknown member '{unknown}'");
        var priority = Integer(value, "priority", 0, RetainDirective.MostPriority)
            ?? throw Malformed("a directive has no priority");
        var covers = value.TryGetProperty("covers_output", out var flag) && flag.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Malformed("covers_output is not a boolean"),
        };
        if (covers && (value.TryGetProperty("start", out _) || value.TryGetProperty("end", out _)))
            throw Malformed("covers_output does not go with start or end");
        var start = Integer(value, "start", 0, int.MaxValue) ?? 0;
        var end = Integer(value, "end", 0, int.MaxValue);
        if (end <= start) throw Malformed("a directive's end is not after its start");
        return new(start, end, priority, Duration(value)) { CoversOutput = covers };
    }

    private static bool IsKnown(string name) => name is "start" or "end" or "priority" or "duration" or "covers_output";

    private static TimeSpan? Duration(JsonElement value) => CompletionRequestReader.Child(value, "duration") switch
    {
        null => null,
        { ValueKind: JsonValueKind.Number } n when n.TryGetDouble(out var s) && s is >= 0 and <= MostSeconds =>
            TimeSpan.FromSeconds(s),
        _ => throw Malformed(string.Create(
            CultureInfo.InvariantCulture, $"duration is not a number of seconds within 0..{MostSeconds}")),
    };

    private static int? Integer(JsonElement value, string name, int least, int most) =>
        CompletionRequestReader.Child(value, name) switch
        {
            null => null,
            { ValueKind: JsonValueKind.Number } n when n.TryGetInt32(out var i) && i >= least && i <= most => i,
            _ => throw Malformed($"{name} is not an integer within {least}..{most}"),
        };

    /// <summary>
    /// A block is of use only with all before it, so that no range may be wanted more than an earlier one.
    /// </summary>
    private static void CheckOrder(List<RetainDirective> directives)
    {
        var last = int.MaxValue;
        foreach (var directive in directives.OrderBy(d => d.CoversOutput ? long.MaxValue : d.Start))
        {
            if (directive.Priority > last)
                throw Malformed("a directive's priority is above that of an earlier range");
            last = directive.Priority;
        }
    }

    private static RuntimeErrorException Malformed(string message) =>
        CompletionRequestReader.Malformed(message, "kv_hints");
}
