using System.Text;

namespace AgentRuntime.Policies.Cedar.Tests.Syntax;

public sealed class BoundsTests
{
    private const int Deep = 200_000;

    public static TheoryData<string> DeepExpressions() =>
    [
        $"{new string('(', Deep)}true{new string(')', Deep)}",
        $"{new string('[', Deep)}{new string(']', Deep)} == []",
        string.Concat(Enumerable.Repeat("{a: ", Deep)) + "1" + new string('}', Deep) + " == 1",
        string.Concat(Enumerable.Repeat("if true then ", Deep)) + "true"
            + string.Concat(Enumerable.Repeat(" else false", Deep)),
        "1" + string.Concat(Enumerable.Repeat(" + 1", Deep)) + " == 1",
        "1" + string.Concat(Enumerable.Repeat(" * 1", Deep)) + " == 1",
        "context" + string.Concat(Enumerable.Repeat(".a", Deep)),
        "context" + string.Concat(Enumerable.Repeat("[\"a\"]", Deep)),
        "context" + string.Concat(Enumerable.Repeat(".contains(context", Deep)) + new string(')', Deep),
        string.Concat(Enumerable.Repeat("!(", Deep)) + "true" + new string(')', Deep),
    ];

    [Theory]
    [MemberData(nameof(DeepExpressions))]
    public void Deep_nesting_is_refused_and_never_overflows_the_stack(string expression)
    {
        var refused = OnSmallStack(() =>
            !CedarPolicySet.TryParse(
                $"permit(principal, action, resource) when {{ {expression} }};", out _, out var diagnostics)
            && diagnostics[0].Code == "limit");

        Assert.True(refused);
    }

    [Fact]
    public void A_chain_of_a_hundred_thousand_alternatives_is_one_level()
    {
        var chain = string.Join(" || ", Enumerable.Range(0, 100_000).Select(i => $"context.tool == \"t{i}\""));

        var allowed = OnSmallStack(() =>
        {
            var set = CedarPolicySet.Parse($"permit(principal, action, resource) when {{ {chain} }};");
            var again = CedarPolicySet.Parse(set.Policies[0].ToString());
            var request =
                new CedarRequest(
                new("U", "u"), new("Action", "a"), new("R", "r"), CedarRecord.Create(("tool", "t99999")));
            return CedarAuthorizer.Authorize(again, CedarEntities.Empty, request).IsAllowed;
        });

        Assert.True(allowed);
    }

    [Fact]
    public void The_deepest_expression_that_is_accepted_can_be_evaluated_validated_and_written()
    {
        var limits = CedarLimits.Default with { MaximumDepth = 400 };
        var schema = CedarSchema.Parse("entity U, R; action a appliesTo { principal: U, resource: R };");

        var valid = OnSmallStack(() =>
        {
            var text = $"permit(principal, action, resource) when {{ {Nested(390)} }};";
            var set = CedarPolicySet.Parse(text, limits: limits);
            var json = CedarPolicySet.ParseJson(set.ToJson(), limits);
            var response =
                CedarAuthorizer.Authorize(
                json, CedarEntities.Empty, new(new("U", "u"), new("Action", "a"), new("R", "r")));
            return response.IsAllowed && CedarValidator.Validate(schema, set).IsValid;
        });

        Assert.True(valid);
    }

    [Fact]
    public void A_chain_of_a_hundred_thousand_parents_is_closed_within_its_limit_or_refused()
    {
        var chain = Enumerable.Range(0, 100_000)
            .Select(i => new CedarEntity(new("E", $"{i}"), parents: [new EntityUid("E", $"{i + 1}")])).ToList();

        var error = Assert.Throws<CedarException>(() => CedarEntities.Create(chain));
        Assert.Equal("limit", error.Diagnostics[0].Code);
        Assert.True(CedarEntities.Create(chain.TakeLast(3000)).IsIn(new("E", "97000"), new("E", "100000")));
    }

    [Fact]
    public void Deep_types_and_deep_JSON_are_refused()
    {
        var type = string.Concat(Enumerable.Repeat("Set<", Deep)) + "Long" + new string('>', Deep);
        var value = new string('[', Deep) + new string(']', Deep);
        var types = string.Concat(Enumerable.Range(0, 2000).Select(i => $"type t{i} = Set<t{i + 1}>; "))
            + "type t2000 = Long;";

        Assert.True(OnSmallStack(() => !CedarSchema.TryParse($"type a = {type};", out _, out _)));
        Assert.True(OnSmallStack(() => !CedarSchema.TryParse(types, out _, out _)));
        Assert.True(OnSmallStack(() =>
        {
            Assert.Throws<CedarException>(() => CedarJson.ReadContext($"{{\"a\": {value}}}"));
            return true;
        }));
    }

    [Fact]
    public void A_type_that_doubles_at_each_step_is_read_in_no_time()
    {
        var types = string.Concat(Enumerable.Range(0, 80).Select(i => $"type t{i} = {{ a: t{i + 1}, b: t{i + 1} }}; "));
        var schema =
            CedarSchema.Parse(
            $"{types} type t80 = Long; entity U, R; action a appliesTo {{ principal: U, resource: R, context: t0 }};");
        var set = CedarPolicySet.Parse("permit(principal, action, resource) when { context.a.b == context.b.a };");

        Assert.True(CedarValidator.Validate(schema, set).IsValid);
    }

    [Fact]
    public void Too_long_a_text_and_too_many_policies_or_entities_are_refused()
    {
        var limits = CedarLimits.Default with { MaximumTextLength = 100, MaximumPolicies = 2, MaximumEntities = 2 };
        var policies = string.Concat(Enumerable.Repeat("permit(principal,action,resource);", 3));

        Assert.False(CedarPolicySet.TryParse(policies, out _, out var tooLong, limits: limits));
        Assert.False(
            CedarPolicySet.TryParse(
            policies, out _, out var tooMany, limits: limits with { MaximumTextLength = 1000 }));
        var entities = Assert.Throws<CedarException>(() =>
            CedarEntities.Create(Enumerable.Range(0, 3).Select(i => new CedarEntity(new("E", $"{i}"))), limits));

        Assert.All([tooLong[0], tooMany[0], entities.Diagnostics[0]], d => Assert.Equal("limit", d.Code));
    }

    private static string Nested(int depth)
    {
        var text = new StringBuilder("true");
        for (var i = 0; i < depth / 2; i++) text.Insert(0, "!(").Append(')');
        return (depth / 2) % 2 == 0 ? text.ToString() : $"!{text}";
    }

    // A quarter of what threads usually get.
    private static bool OnSmallStack(Func<bool> check)
    {
        var result = false;
        Exception? failure = null;
        var thread = new Thread(
            () =>
            {
                try
                {
                    result = check();
                }
                catch (CedarException error)
                {
                    failure = error;
                }
            },
            maxStackSize: 1024 * 1024);
        thread.Start();
        thread.Join();
        Assert.Null(failure);
        return result;
    }
}
