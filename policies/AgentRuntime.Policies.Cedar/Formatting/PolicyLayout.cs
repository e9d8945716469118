using System.Text;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// Writes tokens in lines: what fits stays on one, what does not is broken at its loosest separators. Single use.
/// Recursion follows the brackets, whose depth the parser has bounded.
/// </summary>
internal sealed class PolicyLayout(List<LayoutToken> tokens, int width)
{
    private const int Step = 2;

    private readonly StringBuilder _text = new();
    private int _lineStart;
    private bool _mustBreak;
    private LayoutToken? _previous;
    private LayoutToken? _beforePrevious;

    public string Write()
    {
        var at = 0;
        while (tokens[at].Kind != TokenKind.End)
        {
            if (at > 0)
            {
                _text.Append('\n');
                _lineStart = _text.Length;
            }

            at = WritePolicy(at);
            Break(0);
        }

        var comments = tokens[at].Leading;
        if (comments.Count > 0 && at > 0) _text.Append('\n');
        foreach (var comment in comments) _text.Append(comment).Append('\n');
        return _text.ToString();
    }

    private int WritePolicy(int at)
    {
        _previous = null;
        while (tokens[at].Kind == TokenKind.At)
        {
            var end = tokens[at + 2].Kind == TokenKind.OpenParen ? tokens[at + 2].Match + 1 : at + 2;
            for (; at < end; at++) Put(at, 0);
            Break(0);
        }

        Put(at++, 0);
        WriteHead(at);
        at = tokens[at].Match + 1;
        while (tokens[at].Kind != TokenKind.Semicolon)
        {
            Break(0);
            Put(at++, 0);
            WriteBracket(at, 0);
            at = tokens[at].Match + 1;
        }

        Put(at, 0);
        return at + 1;
    }

    // Principal, action and resource stand below each other when they do not fit on one line.
    private void WriteHead(int open)
    {
        var close = tokens[open].Match;
        if (TryFlat(open, close + 1)) return;
        Put(open, 0);
        Break(Step);
        WriteParts(TokenKind.Comma, open + 1, close, Step);
        Break(0);
        Put(close, 0);
    }

    private void WriteBracket(int open, int indent)
    {
        var close = tokens[open].Match;
        if (TryFlat(open, close + 1)) return;
        Put(open, indent);
        if (close > open + 1)
        {
            Break(indent + Step);
            WriteRange(open + 1, close, indent + Step);
            Break(indent);
        }

        Put(close, indent);
    }

    private void WriteRange(int start, int end, int indent)
    {
        if (start >= end || TryFlat(start, end)) return;
        if (tokens[start].Is("if"))
        {
            WriteIf(start, end, indent);
            return;
        }

        foreach (var separator in new[] { TokenKind.Comma, TokenKind.Or, TokenKind.And })
        {
            if (NextSeparator(separator, start, end) == end) continue;
            WriteParts(separator, start, end, indent);
            return;
        }

        for (var at = start; at < end; at++)
        {
            if (tokens[at].IsOpen)
            {
                WriteBracket(at, indent);
                at = tokens[at].Match;
            }
            else
            {
                Put(at, indent);
            }
        }
    }

    private void WriteParts(TokenKind separator, int start, int end, int indent)
    {
        while (start < end)
        {
            var at = NextSeparator(separator, start, end);
            WriteRange(start, at, indent);
            if (at < end) Put(at, indent);
            start = at + 1;
            if (start < end) Break(indent);
        }
    }

    private void WriteIf(int start, int end, int indent)
    {
        var then = start + 1;
        for (var open = 0; open > 0 || !tokens[then].Is("then"); then = Next(then))
            open += tokens[then].Is("if") ? 1 : tokens[then].Is("then") ? -1 : 0;
        var @else = then + 1;
        for (var open = 0; open > 0 || !tokens[@else].Is("else"); @else = Next(@else))
            open += tokens[@else].Is("if") ? 1 : tokens[@else].Is("else") ? -1 : 0;
        WriteBranch(start, then, indent);
        Break(indent);
        WriteBranch(then, @else, indent);
        Break(indent);
        WriteBranch(@else, end, indent);
    }

    private void WriteBranch(int word, int end, int indent)
    {
        Put(word, indent);
        if (TryFlat(word + 1, end)) return;
        Break(indent + Step);
        WriteRange(word + 1, end, indent + Step);
    }

    private int NextSeparator(TokenKind separator, int start, int end)
    {
        for (var at = start; at < end; at = Next(at))
            if (tokens[at].Kind == separator) return at;
        return end;
    }

    // Over a bracket to what comes behind it.
    private int Next(int at) => tokens[at].Match >= 0 ? tokens[at].Match + 1 : at + 1;

    private bool TryFlat(int start, int end)
    {
        var (length, before, previous) = (_text.Length - _lineStart, _beforePrevious, _previous);
        // A comment behind the last token may follow, any other needs a line of its own.
        for (var at = start; at < end; at++)
        {
            var token = tokens[at];
            if (token.Leading.Count > 0 || (token.Trailing is not null && at < end - 1) || length > width) return false;
            length += token.Text.Length + (Spacing.IsNeeded(before, previous, token) ? 1 : 0);
            (before, previous) = (previous, token);
        }

        if (length > width) return false;
        for (var at = start; at < end; at++) Put(at, 0);
        return true;
    }

    private void Put(int at, int indent)
    {
        var token = tokens[at];
        if (token.Leading.Count > 0)
        {
            if (_text.Length > _lineStart && !IsBlankLine()) Break(indent);
            foreach (var comment in token.Leading)
            {
                _text.Append(comment);
                Break(indent);
            }
        }

        if (_mustBreak) Break(indent);
        if (Spacing.IsNeeded(_beforePrevious, _previous, token) && !IsBlankLine()) _text.Append(' ');
        _text.Append(token.Text);
        (_beforePrevious, _previous) = (_previous, token);
        if (token.Trailing is null) return;
        _text.Append(' ').Append(token.Trailing);
        _mustBreak = true;
    }

    private bool IsBlankLine()
    {
        for (var i = _lineStart; i < _text.Length; i++)
            if (_text[i] != ' ') return false;
        return true;
    }

    private void Break(int indent)
    {
        _mustBreak = false;
        if (_text.Length > _lineStart && IsBlankLine()) _text.Length = _lineStart;
        else _text.Append('\n');
        _lineStart = _text.Length;
        _text.Append(' ', indent);
    }
}
