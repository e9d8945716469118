using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Prompting;

/// <summary>
/// Separates a model's text from its tool calls while it streams: text goes on at once, a call is held until it is
/// whole: at the first end of a call that no text within its arguments has. What looks like a call and is none is given
/// back as text. Not thread-safe.
/// </summary>
internal sealed class ToolCallReader
{
    /// <summary>Ends within a call that are passed over: each has the call read from its beginning.</summary>
    private const int MostPassed = 16;

    private readonly StringBuilder _held = new();
    private int _passed;

    /// <summary>How much of a held call has been looked through for its end.</summary>
    private int _seen;

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

            if (Find(all, start, last) is not var (end, call))
            {
                Keep(all, last ? all.Length : start, plain);
                break;
            }

            plain.Append(all, 0, call is null ? end : start);
            if (call is not null)
            {
                calls.Add(call);
                FoundCalls = true;
            }

            _held.Clear().Append(all, end, all.Length - end);
        }

        // Line breaks around calls belong to the format, not to the answer.
        var result = plain.ToString();
        return (FoundCalls && string.IsNullOrWhiteSpace(result) ? "" : result, calls);
    }

    /// <summary>Where what begins as a call ends, and the call if it is one; null when more may belong to it.</summary>
    private (int End, RequestToolCall? Call)? Find(string all, int start, bool last)
    {
        var from = start + ToolFormat.CallStart.Length;
        for (var at = Math.Max(from, start + _seen); EndOfCall(all, at) is { } end; at = end)
        {
            var call = Parse(all[from..(end - ToolFormat.CallEnd.Length)]);
            if (call is null && _passed < MostPassed && MayGoOn(all[from..end]))
            {
                _passed++;
                _seen = end - start;
                continue;
            }

            _seen = _passed = 0;
            return (call is null ? EndOfCall(all, from)!.Value : end, call);
        }

        if (!last || EndOfCall(all, from) is not { } first) return null;
        _seen = _passed = 0;
        return (first, null);
    }

    private static int? EndOfCall(string text, int from) =>
        text.IndexOf(ToolFormat.CallEnd, from, StringComparison.Ordinal) is >= 0 and var at
            ? at + ToolFormat.CallEnd.Length
            : null;

    /// <summary>Whether JSON may begin with a text: one that ends within a string may have the tag in it.</summary>
    private static bool MayGoOn(string begun)
    {
        var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(begun), isFinalBlock: false, state: default);
        try
        {
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
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
