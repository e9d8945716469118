namespace AgentRuntime.Policies.Yaml;

/// <summary>A place in a bundle: file, line and column, both from 1; zero when the file as a whole is meant.</summary>
internal readonly record struct BundlePosition(string File, int Line, int Column)
{
    /// <summary>The form that editors make clickable: <c>agents.yaml:12:5</c>.</summary>
    public override string ToString() =>
        Line == 0 ? File : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{File}:{Line}:{Column}");
}

/// <summary>A YAML node with its place. Immutable once read; an alias shares the node that it names.</summary>
internal abstract class YamlNode(BundlePosition position, int weight, int height, long characters)
{
    public BundlePosition Position { get; } = position;

    /// <summary>Nodes in it with every alias counted in full: what bounds a billion laughs.</summary>
    public int Weight { get; } = weight;

    /// <summary>Levels below it, every alias counted in full; 0 for a scalar.</summary>
    public int Height { get; } = height;

    /// <summary>Characters of its scalars and keys, every alias counted in full.</summary>
    public long Characters { get; } = characters;

    /// <summary>What a message calls it.</summary>
    public abstract string Kind { get; }
}

/// <summary>A scalar as it was written.</summary>
internal sealed class YamlScalar(BundlePosition position, string text, bool plain)
    : YamlNode(position, 1, 0, text.Length)
{
    public string Text { get; } = text;

    /// <summary>
    /// Not quoted, so that <c>true</c>, <c>5</c> and <c>null</c> mean what they say (YAML 1.2 core schema).
    /// </summary>
    public bool Plain { get; } = plain;

    /// <summary>
    /// Where its text begins: below the <c>|</c> or <c>&gt;</c> of a block, behind the quote of a quoted one.
    /// </summary>
    public required BundlePosition TextPosition { get; init; }

    public bool IsNull => Plain && Text is "" or "~" or "null";

    public override string Kind => IsNull ? "nothing" : $"'{Cut(Text)}'";

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "…";
}

/// <summary>A list.</summary>
internal sealed class YamlSequence(BundlePosition position, IReadOnlyList<YamlNode> items, int weight)
    : YamlNode(
        position, weight, 1 + items.Select(i => i.Height).DefaultIfEmpty(-1).Max(), items.Sum(i => i.Characters))
{
    public IReadOnlyList<YamlNode> Items { get; } = items;

    public override string Kind => "a list";
}

/// <summary>A mapping with text keys, in the order in which they were written.</summary>
internal sealed class YamlMapping(BundlePosition position, IReadOnlyList<YamlEntry> entries, int weight)
    : YamlNode(
        position,
        weight,
        1 + entries.Select(e => e.Value.Height).DefaultIfEmpty(-1).Max(),
        entries.Sum(e => e.Key.Characters + e.Value.Characters))
{
    public IReadOnlyList<YamlEntry> Entries { get; } = entries;

    public override string Kind => "a mapping";
}

/// <summary>One entry of a mapping.</summary>
internal readonly record struct YamlEntry(YamlScalar Key, YamlNode Value);
