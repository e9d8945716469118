using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace AgentRuntime.Policies.Yaml;

/// <summary>
/// Reads one YAML document (YAML 1.2 as YamlDotNet's event parser sees it) into nodes with positions. Depth, nodes
/// and alias expansion are bounded, the last over all files of a bundle too (<see cref="Problems.TryExpand"/>);
/// duplicate and non-text keys, tags, merge keys and further documents are refused. Use once.
/// </summary>
internal sealed class YamlReader
{
    public const int MaxDepth = 32;
    public const int MaxNodes = 50_000;

    private readonly string _file;
    private readonly Problems _problems;
    private readonly Parser _parser;
    private readonly Dictionary<string, YamlNode> _anchors = new(StringComparer.Ordinal);
    private int _nodes;

    private YamlReader(string file, string text, Problems problems)
    {
        _file = file;
        _problems = problems;
        _parser = new Parser(new StringReader(text));
    }

    /// <summary>The document's root; null when it cannot be read, which is then among the problems.</summary>
    public static YamlNode? Read(string file, string text, Problems problems)
    {
        var reader = new YamlReader(file, text, problems);
        try
        {
            return reader.ReadDocument();
        }
        catch (YamlException e)
        {
            problems.Add(new(file, (int)e.Start.Line, (int)e.Start.Column), $"not readable as YAML: {Sentence(e)}");
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // YamlDotNet's scanner answers some broken input with these instead of its own exception.
            var at = reader._parser.Current?.End ?? Mark.Empty;
            problems.Add(new(file, (int)at.Line, (int)at.Column), "not readable as YAML from here on");
            return null;
        }
    }

    private static string Sentence(YamlException e)
    {
        var text = e.Message;
        var prefix = text.IndexOf("): ", StringComparison.Ordinal);
        return (prefix >= 0 && text.StartsWith('(') ? text[(prefix + 3)..] : text).TrimEnd('.');
    }

    private YamlNode? ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _))
            return new YamlMapping(new(_file, 1, 1), [], 1);
        _parser.Consume<DocumentStart>();
        var root = ReadNode(depth: 0);
        _parser.Consume<DocumentEnd>();
        if (_parser.TryConsume<DocumentStart>(out var second))
            _problems.Add(At(second), "a second document", "put it into a file of its own");
        if (_problems.TryExpand(root))
            return root;
        _problems.Add(
            new(_file, 0, 0),
            $"with this file the bundle has more than {Problems.MaxNodes} nodes or {Problems.MaxCharacters} characters "
                + "once aliases are expanded",
            "use fewer aliases of what is large");
        return null;
    }

    private YamlNode ReadNode(int depth)
    {
        var current = _parser.Current ?? throw new YamlException("the document ends early");
        if (depth > MaxDepth)
            throw Refuse(current, $"nested deeper than {MaxDepth}");
        if (++_nodes > MaxNodes)
            throw Refuse(current, $"more than {MaxNodes} nodes");
        if (current is NodeEvent { Tag.IsEmpty: false } tagged)
            _problems.Add(At(current), $"the tag '{tagged.Tag}' is not supported", "leave it out");

        switch (current)
        {
            case AnchorAlias alias:
                _parser.MoveNext();
                if (!_anchors.TryGetValue(alias.Value.Value, out var target))
                    throw Refuse(alias, $"the alias '*{alias.Value}' names no anchor that is complete before it");
                return depth + target.Height <= MaxDepth
                    ? target
                    : throw Refuse(alias, $"nested deeper than {MaxDepth} once aliases are expanded");
            case Scalar scalar:
                _parser.MoveNext();
                return Anchored(scalar, ToScalar(scalar));
            case SequenceStart start:
                return Anchored(start, ReadSequence(start, depth));
            case MappingStart start:
                return Anchored(start, ReadMapping(start, depth));
            default:
                throw Refuse(current, "unexpected content");
        }
    }

    private YamlScalar ToScalar(Scalar scalar)
    {
        var at = At(scalar);
        return new(at, scalar.Value, scalar.Style == ScalarStyle.Plain)
        {
            TextPosition = scalar.Style switch
            {
                ScalarStyle.Literal or ScalarStyle.Folded => at with { Line = at.Line + 1, Column = 1 },
                ScalarStyle.SingleQuoted or ScalarStyle.DoubleQuoted => at with { Column = at.Column + 1 },
                _ => at,
            },
        };
    }

    private YamlSequence ReadSequence(SequenceStart start, int depth)
    {
        _parser.MoveNext();
        var items = new List<YamlNode>();
        var weight = 1;
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(ReadNode(depth + 1));
            weight = Weigh(start, weight, items[^1]);
        }

        return new(At(start), items, weight);
    }

    private YamlMapping ReadMapping(MappingStart start, int depth)
    {
        _parser.MoveNext();
        var entries = new List<YamlEntry>();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        var weight = 1;
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadNode(depth + 1);
            var value = ReadNode(depth + 1);
            weight = Weigh(start, weight, value);
            if (key is not YamlScalar name)
                _problems.Add(key.Position, "a key must be text");
            else if (name is { Plain: true, Text: "<<" })
                _problems.Add(
                    key.Position, "merge keys are not supported", "repeat the entries, or alias whole values");
            else if (!keys.Add(name.Text))
                _problems.Add(key.Position, $"'{name.Text}' is given twice", "remove one of them");
            else
                entries.Add(new(name, value));
        }

        return new(At(start), entries, weight);
    }

    private static int Weigh(ParsingEvent at, int weight, YamlNode child) =>
        (long)weight + child.Weight > MaxNodes
            ? throw Refuse(at, $"more than {MaxNodes} nodes once aliases are expanded")
            : weight + child.Weight;

    // Registered only when complete: a node that contains itself cannot be named.
    private YamlNode Anchored(NodeEvent source, YamlNode node)
    {
        if (!source.Anchor.IsEmpty)
            _anchors[source.Anchor.Value] = node;
        return node;
    }

    private BundlePosition At(ParsingEvent e) => new(_file, (int)e.Start.Line, (int)e.Start.Column);

    private static YamlException Refuse(ParsingEvent at, string message) => new(at.Start, at.End, message);
}
