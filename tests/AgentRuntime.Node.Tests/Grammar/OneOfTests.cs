namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What is an instance of exactly one of several schemas that have some in common.</summary>
public sealed class OneOfTests
{
    [Theory]
    // One has a property that the other has not, or a value of it that the other one does not have.
    [InlineData("""{"type":"object","oneOf":[{"properties":{"a":{"type":"integer"}},"additionalProperties":false},"""
        + """{"properties":{"b":{"type":"integer"}},"additionalProperties":false}]}""",
        """{"b":1}""", "{}", """{"a":1,"b":1}""")]
    [InlineData("""{"oneOf":[{"type":"object","properties":{"a":{"type":["integer","string"]}},"required":["a"]},"""
        + """{"type":"object","properties":{"a":{"type":["integer","null"]}},"required":["a"]}]}""",
        """{"a":null}""", """{"a":1}""", "{}")]
    [InlineData("""{"type":"object","oneOf":[{"properties":{"k":{"const":"x"},"n":{"type":"integer"}}},"""
        + """{"properties":{"k":{"const":"y"}}},{"properties":{"k":{"const":"z"}}}]}""",
        """{"k":"x","n":1}""", "{}", """{"n":1}""")]
    // Names of a pattern, and others.
    [InlineData("""{"type":"object","oneOf":[{"patternProperties":{"^a":{"type":"integer"}}},"""
        + """{"patternProperties":{"^a":{"type":"null"}}}]}""",
        """{"ab":1,"ac":2}""", "{}", """{"ab":1,"ac":null}""")]
    [InlineData("""{"type":"object","oneOf":[{"additionalProperties":{"type":"integer"}},"""
        + """{"additionalProperties":{"enum":[1,"a"]}}]}""",
        """{"x":1,"y":"a"}""", "{}", """{"x":1}""", """{"x":2,"y":"a"}""", """{"x":1,"y":2,"y":1}""")]
    [InlineData("""{"type":"object","properties":{"a":{"const":1},"b":{"const":2}},"additionalProperties":false,"""
        + """ "oneOf":[{"required":["a"]},{"required":["b"]},{"maxProperties":0}]}""",
        "{}", """{"a":1,"b":2}""")]
    // What only references, texts, numbers and items tell.
    [InlineData("""{"oneOf":[{"$ref":"#/$defs/l"},{"type":"array","items":{"$ref":"#/$defs/l"}}],"""
        + """ "$defs":{"l":{"type":"array","items":{"type":["number","null"]}}}}""", "[[1],[]]", "[]", "[1,[1]]")]
    [InlineData("""{"type":"string","oneOf":[{"format":"ipv4"},{"pattern":"^1"},{"maxLength":3}]}""",
        "\"12345\"", "\"1\"", "\"10.0.0.1\"", "\"abcd\"")]
    [InlineData("""{"oneOf":[{"type":"number","minimum":3},{"type":"number","exclusiveMaximum":5}]}""",
        "2.5", "3", "4.9")]
    [InlineData("""{"oneOf":[{"type":"number","minimum":3,"exclusiveMinimum":true},{"type":"number","maximum":5}]}""",
        "3", "3.5", "5")]
    [InlineData("""{"oneOf":[{"oneOf":[{"type":"string"},{"const":"a"}]},{"enum":["a",1]}]}""", "1", "2")]
    [InlineData("""{"oneOf":[{"oneOf":[{"type":"string"},{"const":"a"}]},{"enum":["a",1]}]}""", "\"a\"", "2")]
    // What has no type has instances of all types but what it speaks of.
    [InlineData("""{"oneOf":[{"pattern":"^a"},{"type":"boolean"}]}""", "\"ab\"", "true", "\"b\"")]
    [InlineData("""{"oneOf":[{"required":["a"]},{"type":"array"},{"enum":[1,{"a":1}]}]}""",
        """{"a":2}""", "[]", "1", """{"a":1}""", "null")]
    public void Exactly_one_holds(string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others, strict: true);

    [Theory]
    [InlineData("""{"not":{"type":"object","patternProperties":{"^a":{"type":"integer"}}},"type":"object"}""",
        """{"b":1,"a":""}""", "{}", """{"a":1}""", """{"a":"","a":1}""")]
    [InlineData("""{"type":"object","not":{"additionalProperties":{"type":"integer"}}}""",
        """{"a":1,"b":""}""", "{}", """{"a":1}""")]
    [InlineData("""{"type":"object","properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"""
        + """ "not":{"properties":{"a":{},"b":{}},"additionalProperties":false}}""",
        """{"a":1,"c":3}""", "{}", """{"a":1,"b":2}""")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"required":["a"],"""
        + """ "not":{"properties":{"a":{"minimum":3},"b":{"minimum":3}},"required":["a","b"]}}""",
        """{"a":5}""", """{"a":5,"b":5}""", "{}")]
    [InlineData("""{"type":"object","maxProperties":1,"patternProperties":{"a":{"minimum":3},"b":{"maximum":9}},"""
        + """ "additionalProperties":false,"not":{"patternProperties":{"ab":{"type":"string"}}}}""",
        """{"ab":5}""", """{"ab":"x"}""", """{"ab":1}""", """{"b":5}""", "{}")]
    public void Objects_are_none_of_another_schema_for_one_of_their_properties(
        string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others, strict: true);
}
