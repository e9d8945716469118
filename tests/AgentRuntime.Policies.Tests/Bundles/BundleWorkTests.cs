using System.Globalization;
using System.Text;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies.Tests;

/// <summary>How much work a bundle can make of a few lines.</summary>
public sealed class BundleWorkTests
{
    [Fact]
    public void Thousands_of_unknown_grants_beside_a_thousand_tools_are_soon_refused()
    {
        var tools = string.Join(",\n", Enumerable.Range(0, 1_000).Select(i =>
            $$$"""{"name": "{{{Long('t', i)}}}", "inputSchema": {"type": "object"}}"""));
        var agents = new StringBuilder("agents:\n  demo/a0: {model: small, tools: &many [");
        agents.AppendJoin(", ", Enumerable.Range(0, 490).Select(i => $"shop/{Long('u', i)}")).Append("]}\n");
        for (var i = 1; i <= 100; i++)
            agents.Append(CultureInfo.InvariantCulture, $"  demo/a{i}: {{model: small, tools: *many}}\n");

        // Two strings of a hundred letters are compared in ten thousand steps: all of them would take hours.
        var problems = Sample.Problems(
            Sample.Bundle(("agents.yaml", agents.ToString()), ("tools/shop.json", $"[{tools}]")));

        Assert.Equal(Problems.Limit + 1, problems.Count);
        Assert.Contains(problems, p => p.Contains("no tool 'shop/u", StringComparison.Ordinal));
    }

    [Fact]
    public void Suggestions_are_looked_for_until_enough_names_were_compared()
    {
        var problems = new Problems();
        var looked = 0;
        var known = Enumerable.Range(0, 15_000).Select(i =>
        {
            looked++;
            return i == 7 ? "refund" : "x";
        });

        Assert.Equal("did you mean 'refund'?", problems.Suggest("refnd", known));
        Assert.Equal("did you mean 'refund'?", problems.Suggest("refnd", known));
        Assert.Null(problems.Suggest("refnd", known));

        Assert.Equal(Problems.MaxCompared, looked);
    }

    [Fact]
    public void Nobody_looks_for_a_suggestion_that_is_not_shown()
    {
        var problems = new Problems();
        for (var i = 0; i < Problems.Limit; i++)
            problems.Add(default, "wrong");

        Assert.Null(problems.Suggest("refnd", Enumerable.Range(0, 1).Select<int, string>(
            _ => throw new InvalidOperationException("looked"))));
    }

    [Fact]
    public void A_policy_as_deep_as_policies_may_be_is_validated_and_compared()
    {
        var condition = "context.input.amount_cents == 7";
        for (var i = 0; i < 45; i++)
            condition = $"if context.input.amount_cents > {i} && {i} < 50 then {condition} else false";
        var bundle = Sample.Bundle((
            "policies/deep.cedar",
            $$"""
            forbid (principal, action == AgentRuntime::Action::"shop/refund", resource)
            when { context.input.order like "A*B" && ({{condition}}) };
            """));

        Assert.Empty(Sample.Problems(bundle));
        Assert.NotEmpty(BundlePlanner.Compare(Sample.Bundle(), bundle).Changes);
    }

    [Fact]
    public void Conditions_that_aliases_multiply_are_refused_before_they_are_parsed()
    {
        var condition = string.Join(" || ", Enumerable.Repeat("context.input.amount_cents == 7", 110));
        var agents = new StringBuilder("agents:\n  demo/a0:\n    model: small\n    tools: &many\n");
        agents.Append("      - &one\n        tool: shop/refund\n        when: ").Append(condition).Append('\n');
        agents.Insert(agents.Length, "      - *one\n", 449);
        for (var i = 1; i < 6; i++)
            agents.Append(CultureInfo.InvariantCulture, $"  demo/a{i}: {{model: small, tools: *many}}\n");
        var fits = agents.ToString().Replace("      - *one\n", "", StringComparison.Ordinal);

        Assert.Empty(Sample.Problems(Sample.Bundle(("agents.yaml", fits))));
        Assert.Contains(
            $"the conditions of all come to more than {GrantPolicies.MaxConditions} characters",
            Assert.Single(Sample.Problems(Sample.Bundle(("agents.yaml", agents.ToString())))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Texts_that_aliases_multiply_in_tests_are_refused_before_they_are_read()
    {
        var text = new string('x', 100_000);
        var test = $$$"""
            tests:
              - name: Histories are long
                agent: demo/clerk
                call: shop/lookup
                arguments: {order: A}
                expect: allow
                history: [{call: shop/lookup, arguments: &large {order: {{{text}}}}}{{{Repeat(
                    ", {call: shop/lookup, arguments: *large}", 200)}}}]
            """;

        Assert.StartsWith(
            "AR2007: with this file the bundle has more than 1000000 nodes or 16777216 characters once aliases are "
                + "expanded [tests/large.yaml]",
            Assert.Single(Sample.Problems(Sample.Bundle(("tests/large.yaml", test)))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_are_counted_over_all_files_of_a_bundle()
    {
        var problems = new Problems();
        var many = $"a: [{Repeat("1, ", 49_000)}1]";
        for (var i = 0; i < Problems.MaxNodes / 49_003; i++)
            Assert.NotNull(YamlReader.Read("f.yaml", many, problems));

        Assert.Null(YamlReader.Read("g.yaml", many, problems));
        Assert.NotNull(YamlReader.Read("h.yaml", "a: 1", problems));

        Assert.Equal("g.yaml", Assert.Single(problems.ToList()).Where);
    }

    [Fact]
    public void Arguments_that_a_test_does_not_give_cost_nothing()
    {
        YamlJson.Convert(null);
        var before = GC.GetAllocatedBytesForCurrentThread();

        var arguments = YamlJson.Convert(null);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal("{}", arguments.GetRawText());
    }

    private static string Repeat(string text, int times) => string.Concat(Enumerable.Repeat(text, times));

    private static string Long(char letter, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{letter}{number:000}{new string(letter, 96)}");
}
