using System.Text;

namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>
/// Calls within <c>&lt;tool_call&gt;</c>: text goes on at once, a call is held until it is whole, at the first end that
/// is not within a text of its arguments, and what looks like a call and is none is given back as text.
/// </summary>
internal sealed class TaggedToolCallReader : IToolCallReader
{
    private const string Start = "<tool_call>";
    private const string End = "</tool_call>";

    /// <summary>Ends within a call that are passed over: each has the call read from its beginning.</summary>
    private const int MostPassed = 16;

    /// <summary>What a call has so far, its tag included; empty outside of calls.</summary>
    private readonly StringBuilder _call = new();
    private string _held = "";
    private int _passed;
    private bool _foundCalls;

    public IReadOnlyList<string> Markers { get; } = [Start, End];

    public (string Text, IReadOnlyList<WrittenToolCall> Calls) Append(string text, bool last)
    {
        var plain = new StringBuilder();
        List<WrittenToolCall> calls = [];
        text = _held + text;
        _held = "";
        do
        {
            while (text.Length > 0)
                text = _call.Length == 0 ? Outside(text, last, plain) : Inside(text, plain, calls);
            if (last)
                text = GiveBack(plain);
        }
        while (text.Length > 0);

        // Line breaks around calls belong to the syntax, not to the answer.
        var result = plain.ToString();
        return (_foundCalls && string.IsNullOrWhiteSpace(result) ? "" : result, calls);
    }

    /// <summary>Takes in text up to a call; the rest of it.</summary>
    private string Outside(string text, bool last, StringBuilder plain)
    {
        var start = text.IndexOf(Start, StringComparison.Ordinal);
        if (start >= 0)
        {
            plain.Append(text, 0, start);
            _call.Append(Start);
            return text[(start + Start.Length)..];
        }

        var kept = last ? text.Length : text.Length - PartialMarker.Length(text, Start);
        plain.Append(text, 0, kept);
        _held = text[kept..];
        return "";
    }

    /// <summary>Takes in text up to a call's end; the rest of it.</summary>
    private string Inside(string text, StringBuilder plain, List<WrittenToolCall> calls)
    {
        // The end may have begun before; only so much of what is held is looked at again.
        var tail = Math.Min(_call.Length - Start.Length, End.Length - 1);
        var seen = _call.ToString(_call.Length - tail, tail) + text;
        _call.Append(text);
        var end = seen.IndexOf(End, StringComparison.Ordinal);
        if (end < 0)
            return "";
        var rest = seen[(end + End.Length)..];
        var whole = _call.ToString(0, _call.Length - rest.Length);
        if (ToolCallJson.Sequence(whole[Start.Length..^End.Length]) is { Count: > 0 } found)
        {
            calls.AddRange(found);
            _foundCalls = true;
        }
        else if (_passed < MostPassed && ToolCallJson.MayGoOn(whole[Start.Length..]))
        {
            _passed++;
            _call.Length -= rest.Length;
            return rest;
        }
        else
        {
            return GiveBack(plain);
        }

        _call.Clear();
        _passed = 0;
        return rest;
    }

    /// <summary>
    /// Gives what is no call back as text, up to the first end in it; the rest of it, in which there may be calls.
    /// </summary>
    private string GiveBack(StringBuilder plain)
    {
        var call = _call.ToString();
        _call.Clear();
        _passed = 0;
        var end = call.IndexOf(End, StringComparison.Ordinal);
        var given = end < 0 ? call.Length : end + End.Length;
        plain.Append(call, 0, given);
        return call[given..];
    }
}
