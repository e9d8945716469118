using System.Globalization;
using System.Reflection;
using System.Text.Json;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>The README has every configuration key that there is, no other, and the real defaults.</summary>
public class ConfigurationPageTests
{
    private static readonly Type Options = Assembly.LoadFrom(Programs.Platform)
        .GetType("AgentRuntime.Host.Configuration.PlatformOptions", throwOnError: true)!;

    private static readonly Dictionary<string, (string Default, string Meaning)> Rows = File
        .ReadLines(Path.Combine(Repository.Root, "README.md"))
        .SkipWhile(line => !line.StartsWith("| Key | Default |", StringComparison.Ordinal))
        .TakeWhile(line => line.StartsWith('|'))
        .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
        .Where(cells => cells[1].StartsWith('`'))
        .ToDictionary(cells => cells[1].Trim('`'), cells => (cells[2], cells[3]));

    [Fact]
    public void Every_key_is_in_a_row_or_in_that_of_what_it_is_part_of() => Assert.Equal(
        [],
        Keys(Options).Where(key => !Rows.ContainsKey(key.Path) && !Rows.ContainsKey(key.Path + "[]")
            && !key.Parts.Any(part => Rows.ContainsKey($"{key.Path}.{part.Path}")))
            .Select(key => key.Path)
            .Concat(Keys(Options)
                .Where(key => key.Path != "engines_dns")
                .SelectMany(key => key.Parts.Select(part => (Whole: key.Path, Part: part.Path)))
                .Where(p => !Rows.ContainsKey($"{p.Whole}.{p.Part}") && !Named(p.Whole, p.Part))
                .Select(p => $"{p.Whole}.{p.Part}")));

    [Fact]
    public void Every_row_is_a_key() => Assert.Equal(
        [],
        Rows.Keys.Except(Keys(Options).SelectMany(key => key.Parts
            .Select(part => $"{key.Path}.{part.Path}").Append(key.Path).Append(key.Path + "[]"))));

    [Fact]
    public void Every_default_that_is_a_value_is_the_real_one()
    {
        var defaults = Activator.CreateInstance(Options)!;
        var checkedRows = 0;
        foreach (var (key, (said, _)) in Rows)
        {
            var value = key.Split('.').Aggregate((object?)defaults, (owner, name) =>
                owner?.GetType().GetProperties().SingleOrDefault(p => Name(p) == name)?.GetValue(owner));
            if (value is not (string or int or bool) || said.Contains(' ', StringComparison.Ordinal)) continue;
            var text = value is bool yes ? (yes ? "true" : "false") : $"{value}";
            Assert.Equal((key, text), (key, said.Trim('`')));
            checkedRows++;
        }

        Assert.InRange(checkedRows, 15, 100);
    }

    [Fact]
    public void Defaults_beside_their_names_are_the_real_ones()
    {
        foreach (var whole in new[] { "storage", "registration" })
        {
            var property = Options.GetProperties().Single(p => Name(p) == whole);
            foreach (var part in property.PropertyType.GetProperties().Where(p => p.PropertyType == typeof(int)))
            {
                var value = (int)part.GetValue(Activator.CreateInstance(property.PropertyType))!;
                Assert.Matches(
                    string.Create(CultureInfo.InvariantCulture, $@"`{Name(part)}` \({value}[,)]"), Rows[whole].Meaning);
            }
        }
    }

    private static bool Named(string whole, string part) =>
        (Rows.GetValueOrDefault(whole).Meaning ?? Rows.GetValueOrDefault(whole + "[]").Meaning ?? "")
            .Contains($"`{part}`", StringComparison.Ordinal);

    /// <summary>The keys of a type, and the keys within each.</summary>
    private static IEnumerable<(string Path, IReadOnlyList<(string Path, Type Type)> Parts)> Keys(Type type) =>
        from property in type.GetProperties()
        let inner = Inner(property.PropertyType)
        select (Name(property), (IReadOnlyList<(string, Type)>)
            [.. inner is null ? [] : inner.GetProperties().Where(IsKey).Select(p => (Name(p), p.PropertyType))]);

    /// <summary>The options that a key holds, in a list or a dictionary or by themselves; null for a value.</summary>
    private static Type? Inner(Type type) =>
        type.IsGenericType ? Inner(type.GetGenericArguments()[^1])
        : type.Namespace == Options.Namespace ? type
        : null;

    private static bool IsKey(PropertyInfo property) =>
        property.GetCustomAttribute<System.Text.Json.Serialization.JsonIgnoreAttribute>() is null;

    private static string Name(PropertyInfo property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);
}
