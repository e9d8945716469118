using System.Globalization;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>Reads the short conditions of a grant against the tool's arguments. Stateless.</summary>
internal static class ArgumentLimits
{
    private const int MaxValues = 200;

    /// <summary>The largest magnitude of a Cedar decimal: 63 bits of ten-thousandths.</summary>
    public const decimal MaxDecimal = 922_337_203_685_477.5807m;

    public static void Read(
        YamlSection grant, LimitKind kind, string key, ToolPin? tool, List<ArgumentLimit> limits, Problems problems)
    {
        if (grant.Section(key) is not { } section || tool is null)
            return;
        foreach (var entry in section.Entries)
        {
            if (FindPath(entry.Key, tool, problems) is not { } path)
                continue;
            var shape = path[^1].Shape;
            if (!Fits(kind, shape))
            {
                problems.Add(
                    entry.Key.Position, $"'{key}' does not go with '{entry.Key.Text}', which is {shape.Kind}", Fitting(
                        shape));
                continue;
            }

            var values = ReadValues(kind, key, entry, shape, problems);
            if (values.Count > 0)
                limits.Add(new(kind, path, shape, values, entry.Key.Position));
        }
    }

    public static bool TryDecimal(string text, out decimal value) =>
        decimal.TryParse(
            text,
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out value)
        && Math.Abs(value) <= MaxDecimal
        && value * 10_000 == decimal.Truncate(value * 10_000);

    private static List<PropertyShape>? FindPath(YamlScalar key, ToolPin tool, Problems problems)
    {
        var path = new List<PropertyShape>();
        var within = tool.Arguments;
        // A name with a dot in it is found as it is before it is taken for a path.
        var parts = within.Find(key.Text) is null ? key.Text.Split('.') : [key.Text];
        foreach (var part in parts)
        {
            var property = within?.Find(part);
            if (property is null)
            {
                problems.Add(
                    key.Position,
                    $"'{tool.Name}' has no argument '{key.Text}'",
                    problems.Suggest(part, (within ?? tool.Arguments).Properties.Select(p => p.Name)));
                return null;
            }

            path.Add(property);
            within = property.Shape as ObjectShape;
        }

        return path;
    }

    private static bool Fits(LimitKind kind, ArgumentShape shape) =>
        kind switch
        {
            LimitKind.Max or LimitKind.Min => shape is IntegerShape or NumberShape,
            LimitKind.OneOf => shape is TextShape or IntegerShape,
            _ => shape is TextShape,
        };

    private static string Fitting(ArgumentShape shape) =>
        shape switch
        {
            IntegerShape => "use max, min or one_of",
            NumberShape => "use max or min",
            TextShape => "use one_of or like",
            _ => "use 'when' with a Cedar expression",
        };

    private static List<string> ReadValues(
        LimitKind kind, string key, YamlEntry entry, ArgumentShape shape, Problems problems)
    {
        var nodes = kind == LimitKind.OneOf && entry.Value is YamlSequence list ? list.Items : [entry.Value];
        if (nodes.Count is 0 or > MaxValues)
        {
            problems.Add(entry.Value.Position, $"'{key}' takes from 1 to {MaxValues} values, not {nodes.Count}");
            return [];
        }

        var values = new List<string>();
        foreach (var node in nodes)
        {
            var value = node is YamlScalar { IsNull: false } scalar ? Canonical(shape, scalar.Text) : null;
            if (value is null)
                problems.Add(node.Position, $"'{entry.Key.Text}' is {shape.Kind}, and {node.Kind} is not");
            else
                values.Add(value);
        }

        return values;
    }

    private static string? Canonical(ArgumentShape shape, string text) =>
        shape switch
        {
            IntegerShape => Quantities.TryInteger(text, out var n) ? n.ToString(CultureInfo.InvariantCulture) : null,
            NumberShape => TryDecimal(text, out var d) ? d.ToString("0.0###", CultureInfo.InvariantCulture) : null,
            _ => text,
        };
}
