namespace AgentRuntime.Conformance.Wasm.Text;

/// <summary>The text cannot be read as WebAssembly text.</summary>
internal sealed class TextException(string message, int line) : Exception($"line {line}: {message}");

/// <summary>A node of the text format's S-expressions (WebAssembly 2.0 §6.3): an atom, a string or a list.</summary>
internal sealed class TextNode
{
    public required int Line { get; init; }

    public string? Atom { get; init; }

    public byte[]? String { get; init; }

    public List<TextNode>? Items { get; init; }

    /// <summary>The first atom of a list.</summary>
    public string? Head => Items is { Count: > 0 } ? Items[0].Atom : null;

    public bool IsId => Atom is { Length: > 1 } && Atom[0] == '$';

    public string Name =>
        String is null ? throw Error("a name is missing") : System.Text.Encoding.UTF8.GetString(String);

    public TextException Error(string message) => new($"{message} at {Atom ?? Head ?? "string"}", Line);

    /// <summary>Reads all top-level nodes of a text.</summary>
    public static List<TextNode> Parse(ReadOnlySpan<byte> text)
    {
        var open = new Stack<(List<TextNode> Items, int Line)>();
        var items = new List<TextNode>();
        var line = 1;
        for (var i = 0; i < text.Length;)
        {
            var c = (char)text[i];
            if (c == '\n') line++;
            if (char.IsWhiteSpace(c))
            {
                i++;
            }
            else if (c == ';')
            {
                while (i < text.Length && text[i] != '\n') i++;
            }
            else if (c == '(' && i + 1 < text.Length && text[i + 1] == ';')
            {
                i = Comment(text, i, ref line);
            }
            else if (c == '(')
            {
                open.Push((items, line));
                items = [];
                i++;
            }
            else if (c == ')')
            {
                if (open.Count == 0) throw new TextException("unexpected )", line);
                var list = new TextNode { Line = open.Peek().Line, Items = items };
                items = open.Pop().Items;
                items.Add(list);
                i++;
            }
            else if (c == '"')
            {
                items.Add(new TextNode { Line = line, String = Quoted(text, ref i, line) });
            }
            else
            {
                var start = i;
                while (i < text.Length && !char.IsWhiteSpace((char)text[i])
                    && text[i] is not ((byte)'(' or (byte)')' or (byte)'"' or (byte)';')) i++;
                items.Add(new TextNode { Line = line, Atom = System.Text.Encoding.UTF8.GetString(text[start..i]) });
            }
        }

        return open.Count == 0 ? items : throw new TextException("missing )", open.Peek().Line);
    }

    private static int Comment(ReadOnlySpan<byte> text, int i, ref int line)
    {
        var depth = 0;
        do
        {
            if (i + 1 >= text.Length) throw new TextException("a comment has no end", line);
            if (text[i] == '(' && text[i + 1] == ';')
            {
                depth++;
                i += 2;
            }
            else if (text[i] == ';' && text[i + 1] == ')')
            {
                depth--;
                i += 2;
            }
            else if (text[i++] == '\n')
            {
                line++;
            }
        }
        while (depth > 0);
        return i;
    }

    private static byte[] Quoted(ReadOnlySpan<byte> text, ref int i, int line)
    {
        var bytes = new List<byte>();
        for (i++; ; i++)
        {
            if (i >= text.Length) throw new TextException("a string has no end", line);
            if (text[i] == '"') break;
            if (text[i] != '\\')
            {
                bytes.Add(text[i]);
                continue;
            }

            var escape = (char)text[++i];
            switch (escape)
            {
                case 't': bytes.Add((byte)'\t'); break;
                case 'n': bytes.Add((byte)'\n'); break;
                case 'r': bytes.Add((byte)'\r'); break;
                case '"' or '\'' or '\\': bytes.Add((byte)escape); break;
                case 'u':
                    var end = i + text[i..].IndexOf((byte)'}');
                    var code = Convert.ToInt32(System.Text.Encoding.ASCII.GetString(text[(i + 2)..end]).Replace(
                        "_", "", StringComparison.Ordinal), 16);
                    bytes.AddRange(System.Text.Encoding.UTF8.GetBytes(char.ConvertFromUtf32(code)));
                    i = end;
                    break;
                default:
                    bytes.Add(Convert.ToByte(System.Text.Encoding.ASCII.GetString(text.Slice(i, 2)), 16));
                    i++;
                    break;
            }
        }

        i++;
        return [.. bytes];
    }
}
