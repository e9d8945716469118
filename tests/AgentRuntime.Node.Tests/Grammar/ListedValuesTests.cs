namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>Values that a schema lists, or of which it says that none is meant, beside what else it says.</summary>
public sealed class ListedValuesTests
{
    [Theory]
    [InlineData("""{"enum":[{"a":1},{"a":2}],"properties":{"a":{"const":1}}}""", """{"a":1}""", """{"a":2}""")]
    [InlineData("""{"enum":[[],[1],["x",2],3,"y"],"minItems":1,"items":{"type":"integer"}}""", "[1]",
        "[]", """["x",2]""")]
    [InlineData("""{"enum":[[],[1],["x",2],3,"y"],"minItems":1,"items":{"type":"integer"}}""", "3", "4")]
    [InlineData("""{"const":{"a":[{}],"b":{"c":null}},"maxProperties":2}""", """{"a":[{}],"b":{"c":null}}""",
        """{"a":[{}]}""", """{"a":[{}],"b":{}}""", """{"a":[{"d":1}],"b":{"c":null}}""")]
    [InlineData("""{"items":{"enum":[[],[1]],"maxItems":0},"uniqueItems":true}""", "[[]]", "[[1]]", "[[],[]]")]
    public void Arrays_and_objects_are_of_what_else_is_said_of_them(
        string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others, strict: true);

    [Theory]
    [InlineData("""{"const":1e2,"minimum":1}""", "1e2", "1")]
    [InlineData("""{"enum":[12345678901234567890,0.12345678901234567890,3],"minimum":0.01,"maximum":1e20}""",
        "12345678901234567890", "4")]
    [InlineData("""{"enum":[1.50,1.25,2e1],"multipleOf":0.5,"exclusiveMaximum":20}""", "1.50", "1.25", "2e1")]
    public void Numbers_are_compared_however_they_are_written(
        string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others, strict: true);

    [Theory]
    [InlineData("""{"type":"array","not":{"const":[]}}""", "[1]", "[]")]
    [InlineData("""{"type":"array","not":{"enum":[[1],[2,[]],"x"]}}""", "[1,3]", "[1]", "[2,[]]", "1")]
    [InlineData("""{"type":"array","not":{"enum":[[1],[2,[]],"x"]}}""", "[]", "[1.0]", "[2, [ ]]")]
    [InlineData("""{"type":"object","not":{"const":{}}}""", """{"a":1}""", "{}")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"""
        + """ "additionalProperties":false,"not":{"const":{"a":1}}}""", """{"a":1,"b":1}""", """{"a":1}""")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"""
        + """ "additionalProperties":false,"not":{"const":{"a":1}}}""", "{}", """{"a":1.0}""")]
    [InlineData("""{"enum":[[],[2],{"a":1}],"not":{"enum":[[2],{}]}}""", "[]", "[2]")]
    [InlineData("""{"oneOf":[{"type":"array","maxItems":1},{"enum":[[],[[1]]]}]}""", "[[2]]", "[]", "[[1]]")]
    public void Others_than_arrays_and_objects_that_are_listed_are_written(
        string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others, strict: true);

    [Fact]
    public void What_has_no_type_in_common_is_not_listed() =>
        SchemaText.WritesOnly("""
            {"type":"array","uniqueItems":true,"items":{"enum":[[]],"allOf":[{"type":"number"},{"type":"boolean"}]}}
            """, "[]", ["[[]]"], strict: true);

    [Fact]
    public void Items_of_types_with_few_values_differ_and_end()
    {
        SchemaText.WritesOnly("""{"type":"array","items":{"type":["null","boolean"]},"uniqueItems":true}""",
            "[true,null,false]", ["[null,null]", "[true,true]"], strict: true);
        SchemaText.Refusal("""{"type":"array","items":{"type":"null"},"uniqueItems":true,"minItems":2}""");
    }
}
