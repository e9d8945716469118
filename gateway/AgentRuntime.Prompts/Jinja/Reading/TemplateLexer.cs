using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>
/// Cuts a template into tokens as Jinja2 3.1 does (pallets/jinja: src/jinja2/lexer.py) with <c>trim_blocks</c> and
/// <c>lstrip_blocks</c>, as Hugging Face's transformers set them. One template's; not thread-safe.
/// </summary>
internal sealed partial class TemplateLexer
{
    private static readonly string[] Operators =
    [
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",", ";",
    ];

    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _at;
    private int _line = 1;

    private TemplateLexer(string source) => _source = source;

    /// <exception cref="JinjaException">The template is not well-formed.</exception>
    public static List<TemplateToken> Read(string source)
    {
        source = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        // One line break at the very end is not part of the template.
        var lexer = new TemplateLexer(source.EndsWith('\n') ? source[..^1] : source);
        lexer.Run();
        lexer.Add(TokenKind.End, "");
        return lexer._tokens;
    }

    private void Run()
    {
        var startsLine = true;
        while (_at < _source.Length)
        {
            var begin = NextTag();
            if (begin < 0)
            {
                Data(_source[_at..]);
                return;
            }

            var data = _source[_at..begin];
            var kind = _source[begin + 1];
            var sign = begin + 2 < _source.Length ? _source[begin + 2] : ' ';
            if (sign == '-')
                Data(data, data.TrimEnd(Python.Spaces));
            else if (sign != '+' && kind != '{')
                Data(data, WithoutIndent(data, startsLine));
            else
                Data(data);
            _at = begin + 2 + (sign is '-' or '+' ? 1 : 0);
            switch (kind)
            {
                case '#':
                    Comment();
                    break;
                case '%' when RawBegin().Match(_source, _at) is { Success: true, Index: var index } raw
                    && index == _at:
                    Advance(raw.Length);
                    Raw();
                    break;
                default:
                    Tag(kind == '{');
                    break;
            }

            startsLine = _source[_at - 1] == '\n';
        }
    }

    private int NextTag()
    {
        for (var at = _at; (at = _source.IndexOf('{', at)) >= 0; at++)
        {
            if (at + 1 < _source.Length && _source[at + 1] is '{' or '%' or '#')
                return at;
        }

        return -1;
    }

    private static string WithoutIndent(string data, bool startsLine)
    {
        var line = data.LastIndexOf('\n') + 1;
        return (line > 0 || startsLine) && data.AsSpan(line).Trim(Python.Spaces).IsEmpty ? data[..line] : data;
    }

    private void Data(string read, string? kept = null)
    {
        if ((kept ?? read).Length > 0)
            Add(TokenKind.Data, kept ?? read);
        Advance(read.Length);
    }

    private void Comment()
    {
        var end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0)
            throw Wrong("a comment does not end");
        var sign = end > _at ? _source[end - 1] : ' ';
        Advance(end + 2 - _at);
        After(sign);
    }

    private void Raw()
    {
        var end = RawEnd().Match(_source, _at);
        if (!end.Success)
            throw Wrong("raw does not end");
        var data = _source[_at..end.Index];
        Data(data, end.Groups["before"].Value switch
        {
            "-" => data.TrimEnd(Python.Spaces),
            "+" => data,
            _ => WithoutIndent(data, startsLine: false),
        });
        Advance(end.Length);
        After(end.Groups["after"].Value is [var sign] ? sign : ' ');
    }

    /// <summary>What is swallowed behind the end of a block or comment.</summary>
    private void After(char sign)
    {
        if (sign == '-')
        {
            while (_at < _source.Length && Python.IsSpace(_source[_at]))
                Advance(1);
        }
        else if (sign != '+' && _at < _source.Length && _source[_at] == '\n')
        {
            Advance(1);
        }
    }

    private void Tag(bool print)
    {
        Add(print ? TokenKind.PrintBegin : TokenKind.BlockBegin, "");
        var end = print ? "}}" : "%}";
        var open = new Stack<char>();
        while (true)
        {
            while (_at < _source.Length && Python.IsSpace(_source[_at]))
                Advance(1);
            if (_at >= _source.Length)
                throw Wrong("a tag does not end");
            if (open.Count == 0)
            {
                var sign = _source[_at] is '-' or '+' && !(print && _source[_at] == '+') ? _source[_at] : ' ';
                if (string.CompareOrdinal(_source, _at + (sign == ' ' ? 0 : 1), end, 0, 2) == 0)
                {
                    Add(print ? TokenKind.PrintEnd : TokenKind.BlockEnd, "");
                    Advance(2 + (sign == ' ' ? 0 : 1));
                    if (sign == '-' || !print)
                        After(sign);
                    return;
                }
            }

            Token(open);
        }
    }

    private void Token(Stack<char> open)
    {
        var character = _source[_at];
        if (char.IsLetter(character) || character == '_')
        {
            var end = _at;
            while (end < _source.Length && (char.IsLetterOrDigit(_source[end]) || _source[end] == '_'))
                end++;
            Take(TokenKind.Name, end - _at);
        }
        else if (Number().Match(_source, _at) is { Success: true, Index: var index } number && index == _at)
        {
            var isReal = number.ValueSpan.ContainsAny('.', 'e', 'E');
            Add(isReal ? TokenKind.Real : TokenKind.Integer, number.Value.Replace("_", "", StringComparison.Ordinal));
            Advance(number.Length);
        }
        else if (character is '"' or '\'')
        {
            Literal(character);
        }
        else
        {
            var found = Array.Find(Operators, o => string.CompareOrdinal(_source, _at, o, 0, o.Length) == 0)
                ?? throw Wrong($"'{character}' is unexpected");
            if (found is "(" or "[" or "{")
                open.Push(found[0]);
            else if (found is ")" or "]" or "}" && (open.Count == 0 || open.Pop() != Opening(found[0])))
                throw Wrong($"'{found}' closes nothing");
            Take(TokenKind.Operator, found.Length);
        }
    }

    private void Literal(char quote)
    {
        var text = new StringBuilder();
        var end = _at + 1;
        for (; end < _source.Length && _source[end] != quote; end++)
        {
            if (_source[end] != '\\' || end + 1 >= _source.Length)
                text.Append(_source[end]);
            else
                end += Escape(end + 1, text);
        }

        if (end >= _source.Length)
            throw Wrong("a string does not end");
        Add(TokenKind.Text, text.ToString());
        Advance(end + 1 - _at);
    }

    /// <summary>Reads what follows a backslash; how many characters it was.</summary>
    private int Escape(int at, StringBuilder text)
    {
        var digits = _source[at] switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            if (at + digits >= _source.Length || !int.TryParse(_source.AsSpan(at + 1, digits),
                    NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
                throw Wrong("a string has a broken escape");
            text.Append(Rune.IsValid(value) ? new Rune(value).ToString() : "\uFFFD");
            return 1 + digits;
        }

        if (_source[at] is >= '0' and <= '7')
        {
            var (value, length) = (0, 0);
            for (; length < 3 && at + length < _source.Length && _source[at + length] is >= '0' and <= '7'; length++)
                value = (value * 8) + _source[at + length] - '0';
            text.Append((char)value);
            return length;
        }

        text.Append(_source[at] switch
        {
            'n' => "\n",
            't' => "\t",
            'r' => "\r",
            'b' => "\b",
            'f' => "\f",
            'v' => "\v",
            'a' => "\a",
            '\n' => "",
            '\\' or '\'' or '"' => _source[at].ToString(),
            var other => "\\" + other,
        });
        return 1;
    }

    private static char Opening(char closing) => closing switch { ')' => '(', ']' => '[', _ => '{' };

    private void Take(TokenKind kind, int length)
    {
        Add(kind, _source.Substring(_at, length));
        Advance(length);
    }

    private void Add(TokenKind kind, string text) => _tokens.Add(new(kind, text, _line));

    private void Advance(int count)
    {
        _line += _source.AsSpan(_at, count).Count('\n');
        _at += count;
    }

    private JinjaException Wrong(string what) => new($"line {_line}: {what}");

    [GeneratedRegex(@"\G\s*raw\s*(?:-%\}\s*|%\})", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex RawBegin();

    [GeneratedRegex(@"\{%(?<before>[-+]?)\s*endraw\s*(?<after>[-+]?)%\}", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex RawEnd();

    [GeneratedRegex(@"\G[0-9](?:_?[0-9])*(?:(?:\.[0-9](?:_?[0-9])*)?[eE][-+]?[0-9](?:_?[0-9])*|\.[0-9](?:_?[0-9])*)?",
        RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Number();
}
