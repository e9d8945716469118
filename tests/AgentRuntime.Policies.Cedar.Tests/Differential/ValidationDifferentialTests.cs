using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace AgentRuntime.Policies.Cedar.Tests.Differential;

public sealed class ValidationDifferentialTests(ITestOutputHelper output)
{
    private const int Cases = 2000;

    // The official engine reads the schema anew in each call, which takes longer than to validate many policies.
    private const int CallSize = 200;

    private static readonly CedarSchema Schema = CedarSchema.Parse(CaseSchema.Text);

    [Fact]
    public void Generated_policies_get_the_official_verdict_and_messages()
    {
        var random = new Random(11);
        var generator = new CaseGenerator(11);
        var expressions = new ExpressionGenerator(random);
        var policies = Enumerable.Range(0, Cases).Select(i => generator.Policy(
            expressions, 1 + (i % 4), Scope(random, "principal", "User"),
                Scope(random, "resource", "Shop::Doc"))).ToList();
        var answers = CedarPeer.AskAll([.. policies.Chunk(CallSize).Select(p => ("validate", Call(p)))], output);
        if (answers is null) return;
        var verdicts = answers.SelectMany(a => Enumerable.Range(0, CallSize).Select(i => Official(a, $"policy{i}")));

        var differences = new List<string>();
        var (valid, chatty) = (0, 0);
        foreach (var (policy, official) in policies.Zip(verdicts))
        {
            if (official.Length == 0) valid++;
            var ours = Ours(policy);
            // After an error in what a path like `a.b.c` starts from, we may name one attribute more.
            if (official.Length > 0
                && ours.Length > official.Length
                && official.Split(" | ").All(m => ours.Contains(m, StringComparison.Ordinal)))
                chatty++;
            else if (ours != official) differences.Add($"{policy}\nofficial {official}\nours     {ours}");
        }

        output.WriteLine(
            $"{Cases} policies, {valid} valid, {chatty} with more messages, {differences.Count} differences");
        Assert.True(differences.Count == 0,
            $"{differences.Count} differences, the first:\n{string.Join("\n\n", differences.Take(6))}");
        Assert.InRange(chatty, 0, Cases / 500);
        Assert.InRange(valid, Cases / 20, Cases * 19 / 20);
    }

    private static string Scope(Random random, string variable, string type) => random.Next(5) switch
    {
        0 => $"{variable} is {type}",
        1 => $"{variable} == {type}::\"u0\"",
        2 => $"{variable} in {(variable == "principal" ? "Group" : "Shop::Folder")}::\"x\"",
        _ => variable,
    };

    private static string Ours(string policy)
    {
        if (!CedarPolicySet.TryParse(policy, out var set, out var diagnostics))
            return $"refused: {string.Join("; ", diagnostics)}";
        var result = CedarValidator.Validate(Schema, set);
        return Show(result.Errors.Select(e => e.Code is CedarValidationCodes.IncompatibleTypes
            ? e.Message
            : e.Code is CedarValidationCodes.InvalidEnumEntity
                ? $"for policy `{e.PolicyId}`: {e.Message}"
                : $"for policy `{e.PolicyId}`, {e.Message}"));
    }

    private static string Official(JsonObject answer, string id) => answer["errors"] is null
        ? $"refused: {answer.ToJsonString()}"
        : Show(answer["errors"]!.AsArray()
            .Where(e => (string)e!["policy"]! == id)
            .Select(e =>
                ((string)e!["message"]!).Replace($"policy `{id}`", "policy `policy0`", StringComparison.Ordinal)));

    // Newer engines begin some messages with a small letter.
    private static string Show(IEnumerable<string> messages) =>
        string.Join(" | ", messages.Select(m => m.Replace(": Failed to", ": failed to", StringComparison.Ordinal))
            .Distinct().Order(StringComparer.Ordinal));

    private static JsonObject Call(string[] policies) => new()
    {
        ["schema"] = CaseSchema.Text,
        ["policies"] = new JsonObject { ["staticPolicies"] = string.Concat(policies) },
        ["validationSettings"] = new JsonObject { ["mode"] = "strict" },
    };
}
