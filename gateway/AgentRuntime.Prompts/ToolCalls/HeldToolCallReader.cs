using System.Text;

namespace AgentRuntime.Prompts.ToolCalls;

/// <summary>
/// Calls from a marker to the end of the answer, which is held until then and is text when it holds no calls.
/// </summary>
/// <param name="starts">The markers.</param>
/// <param name="onlyAtStart">Whether they count only where the answer begins.</param>
/// <param name="parse">Reads the calls; null when it is text after all.</param>
internal sealed class HeldToolCallReader(
    string[] starts, bool onlyAtStart, Func<string, IReadOnlyList<WrittenToolCall>?> parse) : IToolCallReader
{
    private readonly StringBuilder _calls = new();
    private string _held = "";
    private bool _holding;
    private bool _isText;

    public IReadOnlyList<string> Markers { get; init; } = starts;

    public (string Text, IReadOnlyList<WrittenToolCall> Calls) Append(string text, bool last)
    {
        var plain = "";
        if (!_holding && !_isText)
        {
            _held += text;
            (plain, text) = Decide(last);
        }

        if (!_holding)
            return (plain + text, []);
        _calls.Append(text);
        if (!last)
            return (plain, []);
        var all = _calls.ToString();
        return parse(all) is { Count: > 0 } calls ? (plain, calls) : (plain + all, []);
    }

    /// <summary>Whether what was held is a call's beginning; the text before it, and what goes on.</summary>
    private (string Before, string After) Decide(bool last)
    {
        var kept = onlyAtStart ? AtStart(last) : Anywhere(last);
        var (before, rest) = (_held[..kept], _held[kept..]);
        _held = _holding ? "" : rest;
        return (before, _holding ? rest : "");
    }

    private int AtStart(bool last)
    {
        var begun = _held.TrimStart();
        _holding = begun.Length > 0 && starts.Any(s => begun.StartsWith(s, StringComparison.Ordinal));
        var mayBecome = !last
            && (begun.Length == 0 || starts.Any(s => s.StartsWith(begun, StringComparison.Ordinal)));
        _isText = !_holding && !mayBecome;
        return _isText ? _held.Length : 0;
    }

    private int Anywhere(bool last)
    {
        var at = starts.Select(s => _held.IndexOf(s, StringComparison.Ordinal)).Where(i => i >= 0)
            .DefaultIfEmpty(-1).Min();
        _holding = at >= 0;
        return _holding ? at : last ? _held.Length
            : _held.Length - starts.Max(s => PartialMarker.Length(_held, s));
    }
}
