using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Prompting;

/// <summary>
/// Separates a model's text from its tool calls while it streams: text goes on at once, a call is held until it is
/// whole. What looks like a call and is none is given back as text. Not thread-safe.
/// </summary>
internal sealed class ToolCallReader
{
    private readonly StringBuilder _held = new();

    /// <summary>Whether a call was read.</summary>
    public bool FoundCalls { get; private set; }

    /// <summary>Adds text; returns what is plain text now and the calls that became whole.</summary>
    public (string Text, IReadOnlyList<RequestToolCall> Calls) Append(string text, bool last)
    {
        _held.Append(text);
        var plain = new StringBuilder();
        List<RequestToolCall> calls = [];
        while (true)
        {
            var all = _held.ToString();
            var start = all.IndexOf(ToolFormat.CallStart, StringComparison.Ordinal);
            if (start < 0)
            {
                var keep = last ? 0 : HoldBack(all);
                Keep(all, all.Length - keep, plain);
                break;
            }

            var end = all.IndexOf(ToolFormat.CallEnd, start, StringComparison.Ordinal);
            if (end < 0)
            {
                Keep(all, last ? all.Length : start, plain);
                break;
            }

            var inner = all[(start + ToolFormat.CallStart.Length)..end];
            end += ToolFormat.CallEnd.Length;
            if (Parse(inner) is { } call)
            {
                plain.Append(all, 0, start);
                calls.Add(call);
                FoundCalls = true;
            }
            else
            {
                plain.Append(all, 0, end);
            }

            _held.Clear().Append(all, end, all.Length - end);
        }

        // Line breaks around calls belong to the format, not to the answer.
        var result = plain.ToString();
        return (FoundCalls && string.IsNullOrWhiteSpace(result) ? "" : result, calls);
    }

    private static RequestToolCall? Parse(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String
                && root.TryGetProperty("arguments", out var arguments) && arguments.ValueKind == JsonValueKind.Object
                ? new(name.GetString()!, arguments.GetRawText())
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static int HoldBack(string text)
    {
        for (var length = Math.Min(ToolFormat.CallStart.Length - 1, text.Length); length > 0; length--)
            if (text.AsSpan(text.Length - length).SequenceEqual(ToolFormat.CallStart.AsSpan(0, length)))
                return length;
        return 0;
    }

    private void Keep(string all, int from, StringBuilder plain)
    {
        plain.Append(all, 0, from);
        _held.Clear().Append(all, from, all.Length - from);
    }
}
