using System.Globalization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Yaml;

/// <summary>
/// Reads a mapping key by key and reports what is wrong with each value. The keys that were asked for are the known
/// ones: <see cref="Close"/> reports the others. Not thread-safe.
/// </summary>
internal sealed class YamlSection
{
    private readonly YamlMapping _mapping;
    private readonly Problems _problems;
    private readonly string _title;
    private readonly List<string> _asked = [];

    private YamlSection(YamlMapping mapping, Problems problems, string title)
    {
        _mapping = mapping;
        _problems = problems;
        _title = title;
    }

    public BundlePosition Position => _mapping.Position;

    public IReadOnlyList<YamlEntry> Entries => _mapping.Entries;

    /// <summary>
    /// The node as a section; null, with a problem, when it is something else. Nothing at all is an empty one.
    /// </summary>
    public static YamlSection? Of(YamlNode? node, Problems problems, string title)
    {
        switch (node)
        {
            case YamlMapping mapping:
                return new(mapping, problems, title);
            case YamlScalar { IsNull: true } nothing:
                return new(new YamlMapping(nothing.Position, [], 1), problems, title);
            case null:
                return null;
            default:
                problems.Add(node.Position, $"{title} must be a mapping, not {node.Kind}");
                return null;
        }
    }

    public YamlNode? Find(string key)
    {
        _asked.Add(key);
        foreach (var entry in _mapping.Entries)
        {
            if (entry.Key.Text == key)
                return entry.Value is YamlScalar { IsNull: true } ? null : entry.Value;
        }

        return null;
    }

    public bool Has(string key) => Find(key) is not null;

    public YamlSection? Section(string key) => Of(Find(key), _problems, $"'{key}'");

    public IReadOnlyList<YamlNode> List(string key)
    {
        switch (Find(key))
        {
            case null:
                return [];
            case YamlSequence sequence:
                return sequence.Items;
            case var other:
                _problems.Add(other.Position, $"'{key}' must be a list, not {other.Kind}");
                return [];
        }
    }

    public string? Text(string key, int maxLength = 1_000)
    {
        if (Find(key) is not { } node)
            return null;
        if (node is not YamlScalar scalar)
        {
            _problems.Add(node.Position, $"'{key}' must be text, not {node.Kind}");
            return null;
        }

        if (scalar.Text.Length > maxLength)
        {
            _problems.Add(node.Position, $"'{key}' is longer than {maxLength} characters");
            return null;
        }

        return scalar.Text;
    }

    public string? RequiredText(string key, int maxLength = 1_000)
    {
        if (!Has(key))
            _problems.Add(Position, $"{_title} lacks '{key}'", $"add '{key}: …'");
        return Text(key, maxLength);
    }

    public bool? Flag(string key) =>
        Find(key) switch
        {
            null => null,
            YamlScalar { Plain: true, Text: "true" } => true,
            YamlScalar { Plain: true, Text: "false" } => false,
            var other => Refuse<bool?>(key, other, "true or false", null),
        };

    public int Integer(string key, int otherwise, int min, int max) => (int)Long(key, otherwise, min, max);

    public long Long(string key, long otherwise, long min, long max) =>
        Scalar(
            key,
            otherwise,
            string.Create(CultureInfo.InvariantCulture, $"a whole number from {min} to {max}"),
            text => Quantities.TryInteger(text, out var value) && value >= min && value <= max ? value : null);

    public ByteCount Size(string key, ByteCount otherwise, ByteCount min, ByteCount max) =>
        Scalar(
            key,
            otherwise,
            $"a size from {min} to {max}, such as 64MiB",
            text => Quantities.TrySize(text, out var value) && value.CompareTo(min) >= 0 && value.CompareTo(max) <= 0
                ? value
                : null);

    public TimeSpan Duration(string key, TimeSpan otherwise, TimeSpan min, TimeSpan max) =>
        Scalar(
            key,
            otherwise,
            $"a duration from {Describe(min)} to {Describe(max)}, such as 5s or 2m",
            text => Quantities.TryDuration(text, out var value) && value >= min && value <= max ? value : null);

    public MicroUsd Usd(string key, MicroUsd otherwise) =>
        Scalar(
            key,
            otherwise,
            "an amount of US dollars with at most six decimals, such as 0.50",
            text => Quantities.TryUsd(text, out var value) ? value : null);

    public double Percent(string key, double otherwise, double min, double max) =>
        Scalar(
            key,
            otherwise,
            string.Create(
                CultureInfo.InvariantCulture,
                $"a percentage from {min * 100:0.###}% to {max * 100:0.###}%, such as 99.5%"),
            text => Quantities.TryPercent(text, out var value) && value >= min && value <= max ? value : null);

    /// <summary>Reports every key that nobody asked for.</summary>
    public void Close()
    {
        foreach (var entry in _mapping.Entries)
        {
            if (!_asked.Contains(entry.Key.Text))
            {
                _problems.Add(
                    entry.Key.Position,
                    $"{_title} has no '{entry.Key.Text}'",
                    _problems.Suggest(entry.Key.Text, _asked.Distinct(StringComparer.Ordinal)));
            }
        }
    }

    public static string Describe(TimeSpan time) =>
        time.TotalSeconds < 1
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMilliseconds}ms")
            : time.TotalHours >= 1 && time.Ticks % TimeSpan.TicksPerHour == 0
                ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours}h")
                : time.Ticks % TimeSpan.TicksPerMinute == 0
                    ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes}m")
                    : string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds}s");

    private T Scalar<T>(string key, T otherwise, string expected, Func<string, T?> parse)
        where T : struct
    {
        var node = Find(key);
        if (node is null)
            return otherwise;
        return node is YamlScalar scalar && parse(scalar.Text) is { } value
            ? value
            : Refuse(key, node, expected, otherwise);
    }

    private T Refuse<T>(string key, YamlNode node, string expected, T otherwise)
    {
        _problems.Add(node.Position, $"'{key}' must be {expected}, not {node.Kind}");
        return otherwise;
    }
}
