namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What arrays contain, how often, and whether items are equal.</summary>
public sealed class ContainedItemsTests
{
    [Theory]
    [InlineData("""{"items":{"enum":[1,2,"x"]},"contains":{"type":"string"}}""",
        """[1,"x",2]""", "[]", "[1]", "[1,2,1]")]
    [InlineData("""{"contains":{"const":1},"minContains":2}""", "[0,1,[],1,2]", "[1]", "[0,1]")]
    [InlineData("""{"items":{"type":"integer"},"contains":{"minimum":5},"maxContains":1}""",
        "[1,7,2]", "[5,6]", "[1]", "[1,5,2,6]")]
    [InlineData("""{"items":{"type":"integer"},"contains":{"minimum":5},"minContains":0,"maxContains":1}""",
        "[]", "[5,6]")]
    [InlineData("""{"contains":{"const":1},"minContains":0}""", "[2]", "1")]
    [InlineData("""{"items":{"enum":[1,2]},"contains":{"const":1},"minItems":3,"maxItems":4}""",
        "[2,2,2,1]", "[2,1]", "[2,2,2]", "[2,2,2,2,1]")]
    [InlineData("""{"prefixItems":[{"const":1},{"enum":[1,2]}],"items":{"enum":[2,3]},"contains":{"const":2},"""
        + """ "maxContains":2}""", "[1,1,3,2]", "[1]", "[1,1]", "[1,2,2,2]")]
    [InlineData("""{"items":{"enum":[1,2,"x"]},"allOf":[{"contains":{"const":1}},{"contains":{"const":2}}]}""",
        """["x",2,1]""", "[1]", """[2,"x"]""")]
    [InlineData("""{"items":{"enum":[1,2,"x"]},"contains":{"const":1},"not":{"contains":{"type":"string"}}}""",
        "[2,1]", """[1,"x"]""", "[2]")]
    [InlineData("""{"type":"array","not":{"items":{"type":"integer"}}}""", """[1,"x"]""", "[1]", "[]")]
    [InlineData("""{"type":"array","not":{"prefixItems":[{"const":1},{"const":2}]}}""", "[1,1]", "[1,2]", "[1]", "[]")]
    [InlineData("""{"allOf":[{"prefixItems":[{"enum":["a",1]}]},{"items":{"type":"integer"}}]}""",
        "[1,2]", """["a"]""")]
    [InlineData("""{"items":{"enum":[1,2]},"contains":{"const":1},"maxItems":5000}""", "[2,1,2]", "[2,2]", "[]")]
    [InlineData("""{"items":{"enum":[1,2,3]},"uniqueItems":true,"contains":{"enum":[2,3]},"maxContains":1}""",
        "[1,3]", "[1]", "[2,3]", "[3,3]")]
    [InlineData("""{"items":{"type":"boolean"},"uniqueItems":true}""", "[true,false]", "[true,true]")]
    [InlineData("""{"items":{"enum":[1,2,3,4,5,6,7,8,9,10]},"uniqueItems":true,"maxItems":3}""",
        "[9,1,10]", "[9,1,9]", "[1,2,3,4]")]
    [InlineData("""{"allOf":[{"items":{"enum":[1,2]}},{"uniqueItems":true},{"minItems":1}]}""", "[2,1]", "[2,2]", "[]")]
    public void An_instance_can_be_written_and_nothing_else(string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others);

    [Theory]
    [InlineData("""{"contains":false}""")]
    [InlineData("""{"contains":{"const":1},"minContains":2,"maxContains":1}""")]
    [InlineData("""{"contains":{"const":1},"minContains":3,"maxItems":2}""")]
    [InlineData("""{"contains":{"const":1},"items":{"const":2}}""")]
    public void What_nothing_contains_is_refused(string schema) => SchemaText.Refusal(schema);

    [Fact]
    public void Values_that_must_differ_and_are_many_come_in_any_order()
    {
        const string Schema =
            """{"type":"array","items":{"enum":[1,2,3,4,5,6,7,8,9,10,11,12]},"uniqueItems":true,"minItems":2}""";
        SchemaText.WritesOnly(Schema, "[2,7,12]", ["[2,2]", "[7,2,7]", "[12]"], strict: true);
        Assert.True(SchemaText.Takes(SchemaText.Grammar(Schema, strict: true), "[7,2]"));
        SchemaText.WritesOnly(Schema, "[7,2]", ["[2,2]", "[7,2,7]", "[12]"]);
    }
}
