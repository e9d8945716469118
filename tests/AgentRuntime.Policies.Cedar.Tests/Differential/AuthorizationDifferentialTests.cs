using System.Text.Json.Nodes;
using Xunit.Abstractions;

namespace AgentRuntime.Policies.Cedar.Tests.Differential;

public sealed class AuthorizationDifferentialTests(ITestOutputHelper output)
{
    private const int Cases = 1500;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Generated_policies_decide_as_in_the_official_engine(int seed)
    {
        var generator = new CaseGenerator(seed);
        var cases = Enumerable.Range(0, Cases).Select(i => generator.Next(depth: 1 + (i % 4))).ToList();
        var answers = CedarPeer.AskAll([.. cases.Select(c => ("authorize", Call(c)))], output);
        if (answers is null) return;

        var differences = new List<string>();
        var (allowed, failed) = (0, 0);
        foreach (var (@case, answer) in cases.Zip(answers))
        {
            var official = Official(answer);
            var ours = Ours(@case);
            if (ours != official)
                differences.Add(
                    $"{@case.StaticPolicies}{string.Join('\n', @case.Templates.Values)}\n"
                    + $"official {official}\nours     {ours}\n{answer["messages"]}");
            if (official.StartsWith("allow", StringComparison.Ordinal)) allowed++;
            if (!official.EndsWith("errors []", StringComparison.Ordinal)) failed++;
        }

        output.WriteLine(
            $"{cases.Count} cases, {allowed} allowed, {failed} with errors, {differences.Count} differences");
        Assert.True(differences.Count == 0,
            $"{differences.Count} differences, the first:\n{differences.FirstOrDefault()}");
        Assert.True(allowed > Cases / 20 && failed > Cases / 20, "the cases must not all end the same way");
    }

    private static string Ours(CedarCase @case)
    {
        var response = CedarAuthorizer.Authorize(@case.PolicySet(), @case.EntityStore(), @case.Request());
        return Show(
            response.Decision == CedarDecision.Allow ? "allow" : "deny",
            response.Reasons.Select(r => r.Id),
            response.Errors.Select(e => e.Policy.Id));
    }

    private static string Official(JsonObject answer) => answer["decision"] is null
        ? $"refused: {answer.ToJsonString()}"
        : Show(
            (string)answer["decision"]!,
            answer["reason"]!.AsArray().Select(r => (string)r!),
            answer["errors"]!.AsArray().Select(r => (string)r!));

    private static string Show(string decision, IEnumerable<string> reasons, IEnumerable<string> errors) =>
        $"{decision} for [{string.Join(", ", reasons.Order(StringComparer.Ordinal))}] "
        + $"errors [{string.Join(", ", errors.Order(StringComparer.Ordinal))}]";

    private static JsonObject Call(CedarCase @case)
    {
        var links = new JsonArray();
        foreach (var (template, id, principal, resource) in @case.Links)
        {
            var values = new JsonObject();
            if (principal is not null) values["?principal"] = JsonNodes.Uid(principal);
            if (resource is not null) values["?resource"] = JsonNodes.Uid(resource);
            links.Add(new JsonObject { ["templateId"] = template, ["newId"] = id, ["values"] = values });
        }

        var templates = new JsonObject();
        foreach (var (id, text) in @case.Templates) templates[id] = text;
        return new()
        {
            ["principal"] = JsonNodes.Uid(@case.Principal),
            ["action"] = JsonNodes.Uid(@case.Action),
            ["resource"] = JsonNodes.Uid(@case.Resource),
            ["context"] = @case.Context.DeepClone(),
            ["entities"] = @case.Entities.DeepClone(),
            ["policies"] = new JsonObject
            {
                ["staticPolicies"] = @case.StaticPolicies,
                ["templates"] = templates,
                ["templateLinks"] = links,
            },
        };
    }
}
