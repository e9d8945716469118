using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using AgentRuntime.TestKit;

namespace AgentRuntime.Policies.Tests;

/// <summary>The JSON Schemas for editors know the keys that the readers ask for, and no others.</summary>
public sealed partial class EditorSchemaTests
{
    private static readonly string Policies = Path.Combine(Repository.Root, "policies");

    [Theory]
    [InlineData(
        "bundle.schema.json",
        "Bundles/BundleReader.cs",
        "Bundles/SloReader.cs",
        "Memory/MemoryReader.cs",
        "Threats/ThreatReader.cs")]
    [InlineData(
        "agents.schema.json",
        "Bundles/AgentReader.cs",
        "Grants/GrantReader.cs",
        "Grants/ObligationReader.cs",
        "Memory/MemoryGrantReader.cs",
        "History/HistoryReader.cs")]
    [InlineData("tests.schema.json", "Testing/PolicyTestReader.cs")]
    public void A_schema_has_the_keys_that_its_readers_ask_for(string schema, params string[] readers)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(Policies, "schema", schema)));
        var offered = new SortedSet<string>(StringComparer.Ordinal);
        Collect(document.RootElement, offered);
        var asked = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var reader in readers)
        {
            var source = File.ReadAllText(Path.Combine(Policies, "AgentRuntime.Policies", reader));
            foreach (Match match in Asked().Matches(source))
                asked.Add(match.Groups["key"].Value);
        }

        // The short conditions are read through one function that is given the key, and labels by the bundle's reader.
        if (schema == "agents.schema.json")
            asked.UnionWith(["max", "min", "one_of", "like", "cap", "trusted", "confidentiality", "slo"]);
        if (schema == "bundle.schema.json")
            asked.UnionWith(["client_slo", "tools", "codes", "agents"]);
        else
            asked.ExceptWith(["of"]);
        Assert.Equal(asked, offered);
    }

    /// <summary>
    /// Others' YAML and JSON Schema readers, as editors have them, find nothing wrong with what is shipped.
    /// </summary>
    [Fact]
    public async Task Every_shipped_bundle_is_valid_under_the_schemas_for_editors()
    {
        var folder = Path.Combine(Repository.Root, "tests", "peers", "bundle-schema");
        if (!Directory.Exists(Path.Combine(folder, "node_modules"))
            && await RunAsync("npm", "ci --no-audit --no-fund", folder) is (not 0, var failure))
            Assert.Fail($"npm ci in {folder} failed: {failure}");
        var bundles = Directory.GetDirectories(Path.Combine(Policies, "bundles"));

        var (exit, output) = await RunAsync(
            "node", $"check.mjs {Path.Combine(Policies, "schema")} {string.Join(' ', bundles)}", folder);

        Assert.True(exit == 0, output);
        Assert.Contains($"{bundles.Length} bundles", output, StringComparison.Ordinal);
        Assert.Contains("1 mistake found", output, StringComparison.Ordinal);
    }

    private static async Task<(int Exit, string Output)> RunAsync(string file, string arguments, string folder)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
        })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }

    private static void Collect(JsonElement element, SortedSet<string> keys)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
                Collect(item, keys);
        }

        if (element.ValueKind != JsonValueKind.Object)
            return;
        foreach (var member in element.EnumerateObject())
        {
            if (member.Name == "properties")
                keys.UnionWith(member.Value.EnumerateObject().Select(p => p.Name));
            Collect(member.Value, keys);
        }
    }

    [GeneratedRegex(
        "(?:Find|Has|Section|List|Text|RequiredText|Flag|Integer|Long|Size|Duration|Usd|Percent)"
            + """\(\s*"(?<key>[a-z_]+)"[,)]""",
        RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Asked();
}
