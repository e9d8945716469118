using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Cedar;

namespace AgentRuntime.Policies.Tests;

public sealed class BundleInspectionTests
{
    [Fact]
    public void A_grant_becomes_one_permit_that_names_its_place()
    {
        var text = BundleInspection.RenderPolicies(Sample.Bundle());

        Assert.Contains(
            """
            @id("grant:demo/clerk:shop/refund")
            @source("agents.yaml:10:9")
            @reason("ask the desk")
            permit (
              principal == AgentRuntime::Agent::"demo/clerk",
              action == AgentRuntime::Action::"shop/refund",
              resource == AgentRuntime::ToolServer::"shop"
            )
            when { context["input"]["amount_cents"] <= 5000 };
            """,
            text,
            StringComparison.Ordinal);
        Assert.Equal(8, CedarPolicySet.Parse(text).Policies.Count);
    }

    [Fact]
    public void A_tools_schema_becomes_the_context_of_its_action()
    {
        var text = BundleInspection.RenderSchema(Sample.Bundle());

        Assert.Contains(
            """
            input: { "order": String, "amount_cents": Long, "rate"?: decimal, "urgent"?: Bool, "tags"?: Set<String>
            """,
            text,
            StringComparison.Ordinal);
        Assert.DoesNotContain("extra", text, StringComparison.Ordinal);
        Assert.Equal(10, CedarSchema.Parse(text).Actions.Count());
    }

    [Fact]
    public void What_people_write_cannot_leave_its_string()
    {
        var agents = Sample.Agents.Replace("ask the desk", "'a \"b\"\\c \u00e9'", StringComparison.Ordinal);

        var set = CedarPolicySet.Parse(BundleInspection.RenderPolicies(Sample.Bundle(("agents.yaml", agents))));

        Assert.Contains(set.Policies, p => p.Annotations.GetValueOrDefault("reason") == "a \"b\"\\c \u00e9");
    }

    [Fact]
    public void A_bundle_with_problems_is_not_shown()
    {
        var thrown = Assert.Throws<RuntimeErrorException>(
            () => BundleInspection.RenderPolicies(Sample.Bundle(("bundle.yaml", null))));

        Assert.Equal(ReasonCodes.InvalidBundle, thrown.Error.Code);
    }

    [Theory]
    [InlineData(
        """{"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "required": ["a"]}""",
        "{ \"a\"?: String }")]
    [InlineData(
        """{"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "integer"}}}""",
        "{ \"a\"?: Long }")]
    [InlineData("""{"type": "object", "properties": {"a": {"enum": ["x", "y"]}}}""", "{ \"a\"?: String }")]
    [InlineData(
        """{"properties": {"a": {"type": "array", "items": {"properties": {"b": {"type": "boolean"}}}}}}""",
        "{ \"a\"?: Set<{ \"b\"?: Bool }> }")]
    [InlineData(
        """{"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "array", "items": """
            + """{"$ref": "#/$defs/A"}}}}""",
        "{ }")]
    [InlineData(
        """{"type": "object", "properties": {"a": {"type": "object", "additionalProperties": {"type": "string"}}}}""",
        "{ }")]
    [InlineData(
        """{"type": "object", "properties": {"a b": {"type": "string"}, "c\"d": {"type": "string"}}}""",
        "{ \"a b\"?: String, \"c\\\"d\"?: String }")]
    public void Each_part_of_a_json_schema_has_its_type_or_none(string schema, string type)
    {
        var files = Sample.Bundle(
            ("agents.yaml", null), ("tools/shop.json", $$"""[{"name": "t", "inputSchema": {{schema}}}]"""));

        Assert.Contains($"input: {type} }}", BundleInspection.RenderSchema(files), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type": "string"}""", "must describe an object")]
    [InlineData("""{"anyOf": [{"type": "object"}]}""", "uses 'anyOf'")]
    [InlineData("true", "allows anything")]
    public void A_tool_whose_arguments_no_policy_could_see_is_refused(string schema, string problem)
    {
        var files = Sample.Bundle(
            ("agents.yaml", null), ("tools/shop.json", $$"""[{"name": "t", "inputSchema": {{schema}}}]"""));

        Assert.Contains(problem, Assert.Single(Sample.Problems(files)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[{\"name\": \"t\", \"inputSchema\": {}", "not readable as JSON")]
    [InlineData("[{\"name\": \"a\", \"name\": \"b\"}]", "not readable as JSON")]
    [InlineData("{\"tool\": []}", "must hold a list of tools")]
    [InlineData("[\n\n{\"name\": \"a b\", \"inputSchema\": {\"type\": \"object\"}}]", "[tools/shop.json:3:1]")]
    [InlineData("[{\"name\": \"t\", \"inputschema\": {\"type\": \"object\"}}]", "did you mean 'inputSchema'?")]
    public void A_broken_file_of_tools_is_named(string text, string problem)
    {
        Assert.Contains(
            Sample.Problems(Sample.Bundle(("agents.yaml", null), ("tools/shop.json", text))),
            p => p.Contains(problem, StringComparison.Ordinal));
    }
}
