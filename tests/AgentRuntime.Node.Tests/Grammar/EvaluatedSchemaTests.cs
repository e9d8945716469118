namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What schemas say of properties and items that no schema in their place speaks of.</summary>
public sealed class EvaluatedSchemaTests
{
    [Theory]
    [InlineData("5")]
    [InlineData("[5]")]
    [InlineData("""[{"properties":5}]""")]
    [InlineData("""[{"additionalProperties":true}]""")]
    public void A_client_does_not_say_what_is_spoken_of(string mark) => SchemaText.WritesOnly(
        """{"properties":{"a":{"const":1}},"unevaluatedProperties":false,"\u0001evaluated":""" + mark
        + ""","\u0001silent":true}""", """{"a":1}""", ["""{"b":1}"""]);

    [Theory]
    [InlineData("""{"allOf":[{"properties":{"a":{"const":1}}},{"properties":{"b":{"const":2}}}],"""
        + """ "unevaluatedProperties":false}""", """{"a":1,"b":2}""", """{"a":1,"c":1}""", """{"b":1}""")]
    [InlineData("""{"$ref":"#/$defs/b","properties":{"a":{"const":1}},"unevaluatedProperties":{"type":"boolean"},"""
        + """ "$defs":{"b":{"properties":{"b":{"const":2}}}}}""",
        """{"b":2,"a":1,"c":true}""", """{"b":2,"a":1,"c":1}""")]
    [InlineData("""{"properties":{"k":{"enum":["x","y"]}},"required":["k"],"if":{"properties":{"k":{"const":"x"}}},"""
        + """ "then":{"properties":{"n":{"const":1}}},"else":{"properties":{"m":{"const":2}}},"""
        + """ "unevaluatedProperties":false}""", """{"k":"y","m":2}""", """{"k":"y","n":1}""", """{"k":"x","m":2}""")]
    [InlineData("""{"if":{"properties":{"a":{"const":1}},"required":["a"]},"unevaluatedProperties":false}""",
        """{"a":1}""", """{"a":2}""", """{"b":1}""")]
    [InlineData("""{"anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},"""
        + """{"properties":{"b":{"const":2}},"required":["b"]}],"unevaluatedProperties":false}""",
        """{"a":1,"b":2}""", """{"a":1,"b":1}""", "{}", """{"a":1,"c":1}""")]
    [InlineData("""{"oneOf":[{"properties":{"a":{"const":1}},"required":["a"]},"""
        + """{"properties":{"b":{"const":2}},"required":["b"]}],"unevaluatedProperties":false}""",
        """{"b":2}""", """{"a":1,"b":2}""", "{}", """{"a":1,"b":1}""")]
    // A schema sees what is within it, and not what is beside it.
    [InlineData("""{"allOf":[{"properties":{"a":{"const":1}}},"""
        + """{"properties":{"b":{"const":2}},"unevaluatedProperties":false}]}""", """{"b":2}""", """{"a":1}""")]
    // What must not hold speaks of nothing, and what must not be twice neither.
    [InlineData("""{"properties":{"a":{"const":1}},"not":{"properties":{"b":{"const":2}},"required":["b"]},"""
        + """ "unevaluatedProperties":false}""", """{"a":1}""", """{"a":1,"b":3}""", """{"b":3}""")]
    [InlineData("""{"properties":{"a":{"const":1}},"not":{"not":{"properties":{"b":{"const":2}}}},"""
        + """ "unevaluatedProperties":false}""", """{"a":1}""", """{"a":1,"b":2}""")]
    [InlineData("""{"allOf":[{"additionalProperties":{"type":"integer"}}],"unevaluatedProperties":false}""",
        """{"x":1}""", """{"x":""}""")]
    [InlineData("""{"allOf":[{"properties":{"a":{"const":1}},"unevaluatedProperties":true}],"""
        + """ "unevaluatedProperties":false}""", """{"a":1,"b":2}""", """{"a":2}""")]
    [InlineData("""{"allOf":[{"patternProperties":{"^p":{"type":"integer"}}}],"unevaluatedProperties":false}""",
        """{"pq":1}""", """{"q":1}""", """{"p":""}""")]
    [InlineData("""{"dependentSchemas":{"a":{"properties":{"b":{"const":2}}}},"properties":{"a":{"const":1}},"""
        + """ "unevaluatedProperties":false}""", """{"a":1,"b":2}""", """{"b":2}""", """{"a":1,"c":1}""")]
    [InlineData("""{"$ref":"#/$defs/t","$defs":{"t":{"properties":{"v":{"const":1},"""
        + """ "c":{"items":{"$ref":"#/$defs/t"}}},"unevaluatedProperties":false}}}""",
        """{"v":1,"c":[{"v":1},{"c":[{}]}]}""", """{"c":[{"w":1}]}""")]
    [InlineData("""{"allOf":[{"prefixItems":[{"const":1}]},{"prefixItems":[true,{"const":2}]}],"""
        + """ "unevaluatedItems":{"const":3}}""", "[1,2,3,3]", "[1,3]", "[1,2,2]")]
    [InlineData("""{"contains":{"const":1},"unevaluatedItems":{"const":3}}""", "[3,1,3]", "[3]", "[1,2]")]
    [InlineData("""{"allOf":[{"items":{"type":"integer"}}],"unevaluatedItems":false}""", "[1]", """["x"]""")]
    [InlineData("""{"$dynamicRef":"#n","unevaluatedProperties":false,"""
        + """ "$defs":{"n":{"$dynamicAnchor":"n","properties":{"a":{"$dynamicRef":"#n"}}}}}""",
        """{"a":{"a":{}}}""", """{"b":1}""", """{"a":1}""")]
    public void An_instance_can_be_written_and_nothing_else(string schema, string instance, params string[] others) =>
        SchemaText.WritesOnly(schema, instance, others, strict: true);

    [Fact]
    public void What_is_of_too_many_others_is_left_open_or_refused_where_the_schema_is_strict()
    {
        var options = string.Join(',', Enumerable.Range(0, 6).Select(i => "{\"anyOf\":["
            + $"{{\"properties\":{{\"a{i}\":{{\"const\":1}}}}}},{{\"properties\":{{\"b{i}\":{{\"const\":2}}}}}}]}}"));
        var schema = $"{{\"type\":\"object\",\"allOf\":[{options}],\"unevaluatedProperties\":false}}";
        Assert.True(SchemaText.Takes(SchemaText.Grammar(schema), """{"a0":1}"""));
        Assert.Contains(
            "'unevaluatedProperties' at #/unevaluatedProperties", SchemaText.Refusal(schema, strict: true).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_schema_within_itself_ends() => SchemaText.Refusal(
        """{"$ref":"#","properties":{"a":{"const":1}},"unevaluatedProperties":false}""", strict: true);
}
