using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies.Tests;

public sealed class BundleValidationTests
{
    [Fact]
    public void A_valid_bundle_has_no_problems()
    {
        Assert.Empty(Sample.Problems(Sample.Bundle()));
    }

    [Fact]
    public void Everything_that_is_wrong_comes_back_at_once_with_file_and_line()
    {
        var problems = Sample.Problems(Sample.Bundle(
            ("bundle.yaml", Sample.Main.Replace("quota:", "qouta:", StringComparison.Ordinal)),
            ("agents.yaml", Sample.Agents
                .Replace("- shop/lookup", "- shop/lokup", StringComparison.Ordinal)
                .Replace("memory: 32MiB", "memory: lots", StringComparison.Ordinal)),
            ("policies/broken.cedar", "permit (principal, action, resource)\nwhen { 1 + };")));

        Assert.Collection(
            problems,
            p => Assert.StartsWith("AR2007: 'memory' must be a size from 65536 bytes", p, StringComparison.Ordinal),
            p =>
                Assert.Equal("AR2007: no tool 'shop/lokup' is pinned [agents.yaml:9:9] did you mean 'shop/lookup'?", p),
            p => Assert.Equal("AR2007: the bundle has no 'qouta' [bundle.yaml:2:1] did you mean 'quota'?", p),
            p => Assert.Contains("[policies/broken.cedar:2:12]", p, StringComparison.Ordinal));
    }

    [Fact]
    public void A_byte_order_mark_is_no_part_of_what_a_file_says()
    {
        var marked = Sample.Bundle(
            ("policies/a.cedar", "forbid (principal, action, resource) when { context.history.calls > 9 };"),
            ("tests/a.yaml", "tests:\n  - {name: a, agent: demo/idle, model: small, expect: allow}\n"))
            .ToDictionary(f => f.Key, f => "\ufeff" + f.Value, StringComparer.Ordinal);

        Assert.Empty(Sample.Problems(marked));
    }

    [Fact]
    public void A_server_that_egress_does_not_list_is_named_as_it_would_be_listed()
    {
        var main = Sample.Main.Replace("files.example", "bücher.example:444", StringComparison.Ordinal);

        var closed = Sample.Problems(
            Sample.Bundle(("bundle.yaml", main + "\negress: [127.0.0.1, \"bücher.example\"]")));

        Assert.Contains("add xn--bcher-kva.example:444 to 'egress'", Assert.Single(closed), StringComparison.Ordinal);
        Assert.Empty(Sample.Problems(
            Sample.Bundle(("bundle.yaml", main + "\negress: [127.0.0.1, \"xn--bcher-kva.example:444\"]"))));
    }

    [Theory]
    [InlineData("\"erase\"", "\"\\ud800\"", 17)]
    [InlineData("\"Erases.\"", "\"\\udc00\"", 17)]
    [InlineData("\"order\": {", "\"\\ud800x\": {", 3)]
    [InlineData("\"type\": \"number\"", "\"type\": \"\\ud800\"", 10)]
    [InlineData("\"type\": \"number\"", "\"$ref\": \"#/\\ud800\"", 10)]
    [InlineData("\"required\": [\"iban\"]", "\"required\": [\"\\ud800\"]", 13)]
    public void A_text_of_a_pinned_tool_that_is_none_is_a_problem(string old, string changed, int line)
    {
        Assert.Equal(
            $"AR2007: a text holds half of a surrogate pair [tools/shop.json:{line}:1] write the character as it is",
            Sample.Problems(Sample.Bundle(
                ("tools/shop.json", Sample.Shop.Replace(old, changed, StringComparison.Ordinal))))[^1]);
    }

    [Theory]
    [InlineData("bundle.yaml", "name: sample", "name: Sample!", "is not a name for a bundle")]
    [InlineData("bundle.yaml", "name: sample", "title: sample", "the bundle lacks 'name'")]
    [InlineData("bundle.yaml", "tokens_per_minute: 10_000", "tokens_per_minute: -1", "must be a whole number from 0")]
    [InlineData(
        "bundle.yaml",
        "tokens_per_minute: 10_000",
        "tokens_per_minute: 99999999999999999999",
        "must be a whole number")]
    [InlineData("bundle.yaml", "cost_per_day_usd: 5", "cost_per_day_usd: 0.0000001", "at most six decimals")]
    [InlineData("bundle.yaml", "timeout: 5s", "timeout: 5", "must be a duration from 10ms to 10m")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "ftp://127.0.0.1/", "is not an address")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "wasm:0123abcd", "names no module")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://me:pw@127.0.0.1/", "holds a credential")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://169.254.169.254/latest", "link-local")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://[::ffff:169.254.169.254]/", "link-local")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://2130706433:8791/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://0x7f.0.0.1:8791/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://0177.0.0.1:8791/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://127.1:8791/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://shop.example.:8791/", "another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://①②⑦.0.0.1:8791/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://①②⑦.⓪.⓪.①:8791/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://shop.0x7f:8791/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://[fd00::1%25eth0]/", "in another way than usual")]
    [InlineData("bundle.yaml", "http://127.0.0.1:8791/mcp", "http://[64:ff9b:1::a9fe:a9fe]/", "link-local")]
    [InlineData("bundle.yaml", "direct: true", "direct: yes", "'direct' must be true, false or a list")]
    [InlineData("bundle.yaml", "small: {", "tiny: {", "no model 'small'")]
    [InlineData("bundle.yaml", "  files:", "  fils:", "no server 'files'")]
    [InlineData("agents.yaml", "demo/clerk:", "clerk:", "is not a name for an agent")]
    [InlineData("agents.yaml", "demo/idle:", "demo/clerk:", "'demo/clerk' is given twice")]
    [InlineData("agents.yaml", "cost_usd: 0.25", "cost_usd: 6", "above the tenant's $5.000000 a day")]
    [InlineData(
        "agents.yaml", "max_output_tokens: 64", "max_output_tokens: 6000", "more than the run's budget of 5000")]
    [InlineData("agents.yaml", "max: {amount_cents: 5000}", "max: {amount_cent: 5000}", "did you mean 'amount_cents'?")]
    [InlineData(
        "agents.yaml", "max: {amount_cents: 5000}", "max: {amount_cents: lots}", "'amount_cents' is an integer")]
    [InlineData("agents.yaml", "max: {amount_cents: 5000}", "max: {order: 5000}", "'max' does not go with 'order'")]
    [InlineData("agents.yaml", "max: {amount_cents: 5000}", "max: {to.iban: 5}", "use one_of or like")]
    [InlineData("agents.yaml", "max: {amount_cents: 5000}", "max: {rate: 1.00001}", "at most four decimals")]
    [InlineData("agents.yaml", "max: {amount_cents: 5000}", "when: 1 +", "in 'when'")]
    [InlineData(
        "agents.yaml",
        "max: {amount_cents: 5000}",
        "when: \"true }; permit (principal, action, resource) when { true\"",
        "more than one expression")]
    [InlineData("agents.yaml", "tool: shop/refund", "tol: shop/refund", "a grant lacks 'tool'")]
    [InlineData("agents.yaml", "limits: {memory: 32MiB,", "limits: {memory: 5GiB,", "to 4294967296 bytes")]
    [InlineData("agents.yaml", "input: 64KiB", "input: 3MiB", "to 2097152 bytes")]
    [InlineData("agents.yaml", "agents:", "agents: !!evil", "the tag")]
    public void A_mistake_is_named(string file, string from, string to, string expected)
    {
        var text = Sample.Bundle()[file];
        Assert.Contains(from, text, StringComparison.Ordinal);

        var problems = Sample.Problems(Sample.Bundle((file, text.Replace(from, to, StringComparison.Ordinal))));

        Assert.Contains(problems, p => p.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void An_agent_described_in_two_files_is_refused()
    {
        var problems = Sample.Problems(
            Sample.Bundle(("agents/more.yaml", "agents:\n  demo/idle:\n    model: small\n")));

        Assert.Equal(
            "AR2007: the agent 'demo/idle' is already described at agents.yaml:15:3 [agents/more.yaml:2:3] "
                + "remove one of them",
            Assert.Single(problems));
    }

    [Fact]
    public void A_file_in_a_folder_with_a_typing_error_is_not_ignored()
    {
        var problems = Sample.Problems(
            Sample.Bundle(("polices/safety.cedar", "forbid (principal, action, resource);")));

        Assert.Contains("has no place in a bundle", Assert.Single(problems), StringComparison.Ordinal);
    }

    [Fact]
    public void A_quota_above_the_platforms_is_refused()
    {
        var options =
            new PolicyOptions { QuotaCeiling = new() { RequestsPerMinute = 59, CostPerDay = new(4_000_000) } };

        var problems = Sample.Problems(Sample.Bundle(), options);

        Assert.Equal(2, problems.Count);
        Assert.Contains(problems, p => p.Contains(
            "'requests_per_minute' is above what the platform grants [bundle.yaml:2:", StringComparison.Ordinal));
        Assert.Contains(problems, p => p.Contains("at most $4.000000", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("1GiB", 1_024, null)]
    [InlineData("1025MiB", 1_024, "at most 1073741824 bytes")]
    [InlineData("64MiB", 63, "at most 66060288 bytes")]
    public void Memory_of_a_guest_above_what_the_platform_grants_is_refused(string memory, int ceiling, string? told)
    {
        var problems = Sample.Problems(
            Sample.Bundle(("agents.yaml", Sample.Agents.Replace(
                "demo/idle:", $"demo/idle:\n    limits: {{memory: {memory}}}", StringComparison.Ordinal))),
            new PolicyOptions { MemoryCeiling = ByteCount.FromMebibytes(ceiling) });

        if (told is null)
        {
            Assert.Empty(problems);
            return;
        }

        var problem = Assert.Single(problems);
        Assert.Contains(told, problem, StringComparison.Ordinal);
        Assert.Contains("'memory' is above what the platform grants a guest", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("@aproval(\"required\")\npermit (principal, action, resource);", "no annotation '@aproval' is known")]
    [InlineData("@approval(\"required\")\nforbid (principal, action, resource);", "belongs on a permit")]
    [InlineData("@id(\"grant:demo/clerk:shop/lookup\")\npermit (principal, action, resource);", "kept for policies")]
    [InlineData(
        "@id(\"a\")\npermit (principal, action, resource);\n@id(\"a\")\npermit (principal, action, resource);",
        "comes twice")]
    [InlineData("permit (principal == ?principal, action, resource);", "a template cannot be linked")]
    public void A_mistake_in_a_hand_written_policy_is_named(string text, string expected)
    {
        var problems = Sample.Problems(Sample.Bundle(("policies/mine.cedar", text)));

        Assert.Contains(problems, p => p.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(
        "forbid (principal, action == AgentRuntime::Action::\"shop/refnud\", resource);", "[policies/mine.cedar:1:")]
    [InlineData(
        "{refund}\nwhen { context.input.amount };",
        "[policies/mine.cedar:2:")]
    [InlineData("{refund}\nwhen { context.input.rate.lessThan(decimal(\"1.0\")) };", "[policies/mine.cedar:2:")]
    [InlineData("{refund}\nwhen { context.input.order < 5 };", "[policies/mine.cedar:2:")]
    [InlineData("forbid (principal is AgentRuntime::Agnet, action, resource);", "[policies/mine.cedar:1:")]
    [InlineData(
        "forbid (principal is AgentRuntime::Client, action == AgentRuntime::Action::\"shop/refund\", resource);",
        "can never apply")]
    [InlineData("forbid (principal, action, resource) when { context.history.calls > 5 && false };", "can never apply")]
    public void A_hand_written_policy_is_validated_against_the_tools(string text, string expected)
    {
        text = text.Replace(
            "{refund}",
            "forbid (principal, action == AgentRuntime::Action::\"shop/refund\", resource)",
            StringComparison.Ordinal);
        var problems = Sample.Problems(Sample.Bundle(("policies/mine.cedar", text)));

        Assert.Contains(problems, p => p.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(
        "forbid (principal, action, resource) when { 9223372036854775807 + 1 > 0 };",
        "the policy 'policies/mine.cedar#0' always fails")]
    [InlineData(
        "permit (principal, action, resource) when { context.history.calls > 5 && 9223372036854775807 * 2 > 0 };",
        "always fails where it comes to")]
    [InlineData(
        "@id(\"shut\") forbid (principal, action in AgentRuntime::Action::\"shop\", resource);",
        "the grant of 'shop/lookup' never allows anything: the policy 'shut' forbids it in every case")]
    [InlineData(
        "@id(\"mute\") forbid (principal in AgentRuntime::Project::\"demo\", "
            + "action == AgentRuntime::Action::\"use_model\", resource);",
        "the grant of the model 'small' never allows anything")]
    public void A_rule_that_always_fails_or_makes_a_grant_unreachable_is_named(string text, string expected)
    {
        var problems = Sample.Problems(Sample.Bundle(("policies/mine.cedar", text)));

        Assert.Contains(problems, p => p.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void A_rule_that_is_meant_to_override_grants_says_so()
    {
        var policy = "@overrides(\"grants\") forbid (principal, action in AgentRuntime::Action::\"shop\", resource);";

        Assert.Empty(Sample.Problems(Sample.Bundle(("policies/mine.cedar", policy))));
        Assert.Contains(
            "'@overrides' belongs on a forbid",
            Assert.Single(Sample.Problems(Sample.Bundle((
                "policies/mine.cedar", policy.Replace("forbid", "permit", StringComparison.Ordinal))))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_grants_condition_that_always_fails_is_named_with_its_place()
    {
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}", "when: 9223372036854775807 + 1 > 0", StringComparison.Ordinal);

        var problem = Assert.Single(Sample.Problems(Sample.Bundle(("agents.yaml", agents))));

        Assert.Contains("always fails", problem, StringComparison.Ordinal);
        Assert.Contains("[agents.yaml:11:15]", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("when: context.input.amount_cent > 5", "[agents.yaml:11:15]")]
    [InlineData("when: 1 < 2 && context.input.order > 5", "[agents.yaml:11:24]")]
    [InlineData("when: context.input.rate.lessThan(decimal(\"1.0\"))", "[agents.yaml:11:15]")]
    [InlineData("when: |\n          context.input.urgent", "[agents.yaml:12:")]
    public void A_condition_of_a_grant_is_validated_against_its_tool(string condition, string place)
    {
        var agents = Sample.Agents.Replace("max: {amount_cents: 5000}", condition, StringComparison.Ordinal);

        Assert.Contains(
            place, Assert.Single(Sample.Problems(Sample.Bundle(("agents.yaml", agents)))), StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_in_a_condition_over_several_lines_is_found_on_its_line()
    {
        var agents = Sample.Agents.Replace(
            "max: {amount_cents: 5000}",
            "when: |\n          context.input.amount_cents > 1 &&\n          context.input.order ==",
            StringComparison.Ordinal);

        var problem = Assert.Single(Sample.Problems(Sample.Bundle(("agents.yaml", agents))));

        Assert.Contains("[agents.yaml:13:", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void The_digest_depends_on_every_file_and_on_nothing_else()
    {
        var digest = BundleFiles.Digest(Sample.Bundle());

        Assert.Equal(digest, BundleFiles.Digest(Sample.Bundle().Reverse().ToDictionary()));
        Assert.NotEqual(digest, BundleFiles.Digest(Sample.Bundle(("README.md", "x"))));
        Assert.NotEqual(digest, BundleFiles.Digest(Sample.Bundle(("bundle.yaml", Sample.Main + "\n"))));
        Assert.Equal(
            BundleDigest.Of("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  b.md\n"u8),
            BundleFiles.Digest(new Dictionary<string, string> { ["b.md"] = "a" }));
    }

    [Fact]
    public void Too_many_problems_are_counted_and_not_listed()
    {
        var agents = string.Concat(Enumerable.Range(0, 300).Select(i => $"x{i}: 1\n"));

        var problems = Sample.Problems(Sample.Bundle(("agents.yaml", agents)));

        Assert.Equal(201, problems.Count);
        Assert.Equal("AR2007: 100 more problems are not shown", problems[^1]);
    }
}
