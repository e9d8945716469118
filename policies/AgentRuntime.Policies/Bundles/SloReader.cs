using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>
/// Reads <c>slo_classes</c> and which of them work gets. The platform's own classes can be named without being
/// described. Stateless.
/// </summary>
internal static class SloReader
{
    public const int MaxClasses = 16;

    /// <summary>The platform's own: a person waits, an agent waits, nobody waits.</summary>
    public static IReadOnlyList<SloTarget> Usual { get; } =
    [
        new("interactive", 0) { TimeToFirstToken = TimeSpan.FromSeconds(2), Deadline = TimeSpan.FromSeconds(30) },
        new("standard", 1),
        new("batch", 2)
        {
            TimeToFirstToken = TimeSpan.FromMinutes(1),
            TimePerOutputToken = TimeSpan.FromSeconds(1),
            Deadline = TimeSpan.FromMinutes(10),
            Sheddable = true,
        },
    ];

    public static IReadOnlyList<SloTarget> ReadClasses(YamlSection? section, int firstPriority, Problems problems)
    {
        var classes = new Dictionary<string, SloTarget>(StringComparer.Ordinal);
        foreach (var usual in Usual)
            classes[usual.Name] = usual;
        if (section is null)
            return Usual;
        if (section.Entries.Count > MaxClasses)
        {
            problems.Add(section.Position, $"{section.Entries.Count} classes", $"at most {MaxClasses} are read");
            return Usual;
        }

        foreach (var entry in section.Entries)
        {
            var name = entry.Key.Text;
            Names.Check(Names.IsLabel(name), name, "a service class", Names.LabelForm, entry.Key.Position, problems);
            if (YamlSection.Of(entry.Value, problems, $"the service class '{name}'") is { } read)
            {
                var otherwise = classes.GetValueOrDefault(name) ?? new(name, Math.Max(1, firstPriority));
                classes[name] = ReadClass(name, read, otherwise, firstPriority, problems);
            }
        }

        return classes.Values.ToList();
    }

    /// <summary>The class that a key names; null when it names none.</summary>
    public static SloTarget? Choose(
        YamlSection section, string key, IReadOnlyList<SloTarget> classes, int firstPriority, Problems problems)
    {
        if (section.Text(key, 63) is not { } name)
            return null;
        if (classes.FirstOrDefault(c => c.Name == name) is { } chosen)
        {
            if (chosen.Priority < firstPriority)
                problems.Add(
                    section.Find(key)!.Position,
                    $"the class '{name}' has priority {chosen.Priority}, before what the platform grants",
                    $"describe it in 'slo_classes' with priority {firstPriority} or later, or name another");
            return chosen;
        }

        problems.Add(
            section.Find(key)!.Position,
            $"there is no service class '{name}'",
            problems.Suggest(name, classes.Select(c => c.Name)));
        return null;
    }

    private static SloTarget ReadClass(
        string name, YamlSection section, SloTarget otherwise, int firstPriority, Problems problems)
    {
        var first = section.Duration(
            "ttft", otherwise.TimeToFirstToken, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1));
        var each = section.Duration(
            "tpot", otherwise.TimePerOutputToken, TimeSpan.FromMilliseconds(1), TimeSpan.FromMinutes(1));
        var deadline = section.Duration(
            "deadline",
            first > otherwise.Deadline ? first : otherwise.Deadline,
            TimeSpan.FromMilliseconds(10),
            TimeSpan.FromHours(1));
        if (deadline < first)
            problems.Add(
                section.Find("deadline")?.Position ?? section.Position,
                $"a request of the class '{name}' would be refused after {YamlSection.Describe(deadline)}, before its "
                    + $"first token is due after {YamlSection.Describe(first)}",
                "raise 'deadline', or lower 'ttft'");
        var target = new SloTarget(name, section.Integer("priority", otherwise.Priority, firstPriority, 3))
        {
            TimeToFirstToken = first,
            TimePerOutputToken = each,
            Deadline = deadline,
            Objective = section.Percent("objective", otherwise.Objective, 0.5, 0.99999),
            Sheddable = section.Flag("sheddable") ?? otherwise.Sheddable,
        };
        section.Close();
        return target;
    }
}
