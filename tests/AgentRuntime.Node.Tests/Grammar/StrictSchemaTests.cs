using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What is refused of a schema that is strict, and what clients' generators write, which is not.</summary>
public sealed class StrictSchemaTests
{
    [Theory]
    [InlineData("""{"properties":{"a":{"pattern":"a"},"t/s":{"type":"string","pattern":"(?<=a)b"}}}""",
        "pattern", "#/properties/t~1s/pattern")]
    [InlineData("""{"properties":{"pattern":{"items":{"pattern":"(?<=a)b"}}}}""",
        "pattern", "#/properties/pattern/items/pattern")]
    [InlineData("""{"$ref":"#/$defs/s","$defs":{"s":{"pattern":"(a)\\1"}}}""", "pattern", "#/$defs/s/pattern")]
    [InlineData("""{"type":"object","allOf":[{"not":{"patternProperties":{"(?<=a)b":{"type":"null"}}}}]}""",
        "not", "#/allOf/0/not")]
    [InlineData("""{"oneOf":[{"patternProperties":{"(?<=a)b":{"type":"null"}}},"""
        + """{"patternProperties":{"(?<!b)a":{"const":1}}}]}""",
        "oneOf", "#/oneOf")]
    [InlineData("""{"oneOf":[{"const":1},{"const":1}]}""", "oneOf", "#/oneOf")]
    [InlineData("""{"type":"number","multipleOf":1e-30}""", "multipleOf", "#/multipleOf")]
    [InlineData("""{"type":"number","minimum":1e30}""", "minimum", "#/minimum")]
    [InlineData("""{"additionalProperties":{"const":1},"propertyNames":{"anyOf":[{"$ref":"#/$defs/n"}]},"""
        + """ "$defs":{"n":{"pattern":"^a"}}}""", "propertyNames", "#/propertyNames")]
    [InlineData("""{"contains":{"patternProperties":{"(?<=a)b":{"const":1}}},"maxContains":1}""",
        "maxContains", "#/maxContains")]
    public void What_is_not_enforced_is_refused_with_its_place(string schema, string keyword, string pointer)
    {
        var error = SchemaText.Refusal(schema, strict: true);
        Assert.StartsWith($"Invalid schema for response_format: '{keyword}' at {pointer} is not enforced",
            error.Message, StringComparison.Ordinal);
        Assert.EndsWith("Leave out strict, or the keyword.", error.Message, StringComparison.Ordinal);
        Assert.NotNull(SchemaText.Grammar(schema));
    }

    [Theory]
    // pydantic (openai.lib._pydantic.to_strict_json_schema): unions, nothing, references, sets of few, formats.
    [InlineData("""
        {"$defs":{"Kind":{"enum":["a","b"],"title":"Kind","type":"string"},
        "Leaf":{"additionalProperties":false,"properties":{"kind":{"const":"leaf","title":"Kind","type":"string"},
        "at":{"format":"date-time","title":"At","type":"string"}},"required":["kind","at"],"title":"Leaf",
        "type":"object"},
        "Node":{"additionalProperties":false,"properties":{"kind":{"const":"node","title":"Kind","type":"string"},
        "next":{"anyOf":[{"$ref":"#/$defs/Node"},{"type":"null"}]}},"required":["kind","next"],"title":"Node",
        "type":"object"}},"additionalProperties":false,"properties":{
        "tree":{"discriminator":{"mapping":{"leaf":"#/$defs/Leaf","node":"#/$defs/Node"},"propertyName":"kind"},
        "oneOf":[{"$ref":"#/$defs/Leaf"},{"$ref":"#/$defs/Node"}],"title":"Tree"},
        "kinds":{"items":{"$ref":"#/$defs/Kind"},"title":"Kinds","type":"array","uniqueItems":true},
        "price":{"anyOf":[{"type":"number"},{"pattern":"^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$","type":"string"}]},
        "id":{"format":"uuid","title":"Id","type":"string"},"raw":{"contentEncoding":"base64","type":"string"},
        "host":{"format":"unheard-of","type":"string","maxLength":253},
        "map":{"additionalProperties":{"type":"integer"},"propertyNames":{"maxLength":8},"title":"Map","type":"object"},
        "pair":{"maxItems":2,"minItems":2,"prefixItems":[{"type":"integer"},{"type":"string"}],"type":"array"},
        "rate":{"exclusiveMinimum":0,"maximum":1.7976931348623157e308,"type":"number"},
        "text":{"maxLength":65535,"minLength":1,"type":"string"},"deep":{"default":null,"examples":[1],"type":"null"}},
        "required":["tree","kinds","price","id","raw","host","map","pair","rate","text","deep"],"title":"Root",
        "type":"object"}
        """)]
    // zod (z.toJSONSchema, zod-to-json-schema): patterns beside formats, safe integers, tuples, records, unions.
    [InlineData("""
        {"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{
        "email":{"type":"string","format":"email",
        "pattern":
        "^(?!\\.)(?!.*\\.\\.)([A-Za-z0-9_'+\\-\\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\\-]*\\.)+[A-Za-z]{2,}$"},
        "uuid":{"type":"string","format":"uuid",
        "pattern":"^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}|0{8})$"},
        "span":{"type":"string","format":"duration",
        "pattern":
        "^P(?:(\\d+W)|(?!.*W)(?=\\d|T\\d)(\\d+Y)?(\\d+M)?(\\d+D)?(T(?=\\d)(\\d+H)?(\\d+M)?(\\d+([.,]\\d+)?S)?)?)$"},
        "int":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991},
        "float":{"type":"number","minimum":-3.4028234663852886e38,"maximum":3.4028234663852886e38},
        "tuple":{"type":"array","items":[{"type":"string"},{"type":"number"}],"minItems":2,"maxItems":2},
        "record":{"type":"object","propertyNames":{"type":"string"},"additionalProperties":{"type":"boolean"}},
        "union":{"oneOf":[{"type":"object","properties":{"t":{"type":"string","const":"a"}},"required":["t"],
        "additionalProperties":false},{"type":"object","properties":{"t":{"type":"string","const":"b"}},
        "required":["t"],"additionalProperties":false}]},
        "many":{"type":"array","minItems":1,"maxItems":100,"items":{"type":"string","minLength":1,"maxLength":5000}},
        "set":{"type":"array","uniqueItems":true,
        "items":{"type":"string","enum":["a","b","c","d","e","f","g","h","i"]}},
        "maybe":{"type":["string","null"],"description":"none","format":"uri"},
        "step":{"type":"number","multipleOf":0.01},"url":{"type":"string","format":"uri","maxLength":2048}},
        "required":["email","uuid","span","int","float","tuple","record","union","many","set","maybe","step","url"],
        "additionalProperties":false}
        """)]
    public void What_generators_write_is_strict(string schema) =>
        Assert.NotNull(SchemaText.Grammar(schema, strict: true));

    [Theory]
    [InlineData("true", false)]
    [InlineData("false", true)]
    [InlineData("null", true)]
    public void A_tool_or_an_answer_is_strict_where_the_request_says_so(string strict, bool isTaken)
    {
        const string Schema = """{"type":"object","properties":{"a":{"type":"string","pattern":"(?<=a)b"}}}""";
        var tool = Read("""{"tools":[{"function":{"name":"go","strict":STRICT,"parameters":SCHEMA}}]}""");
        var answer = Read(
            """{"response_format":{"type":"json_schema","json_schema":{"strict":STRICT,"schema":SCHEMA}}}""");
        Assert.Equal(isTaken, tool is null);
        Assert.Equal(isTaken, answer is null);
        if (tool is null || answer is null) return;
        Assert.StartsWith("Invalid schema for function 'go': 'pattern' at #/properties/a/pattern",
            tool.Message, StringComparison.Ordinal);
        Assert.StartsWith(
            "Invalid schema for response_format: 'pattern'", answer.Message, StringComparison.Ordinal);

        RuntimeError? Read(string body)
        {
            using var json = JsonDocument.Parse(body.Replace("STRICT", strict, StringComparison.Ordinal)
                .Replace("SCHEMA", Schema, StringComparison.Ordinal));
            try
            {
                OutputFormatReader.Read(json.RootElement, ToolCallSyntax.Hermes);
                return null;
            }
            catch (RuntimeErrorException e)
            {
                return e.Error;
            }
        }
    }

    [Fact]
    public void Strict_is_true_or_false()
    {
        using var json = JsonDocument.Parse(
            """{"response_format":{"type":"json_schema","json_schema":{"strict":"yes","schema":{}}}}""");
        Assert.Equal(ReasonCodes.MalformedRequest, Assert.Throws<RuntimeErrorException>(
            () => OutputFormatReader.Read(json.RootElement, ToolCallSyntax.Hermes)).Error.Code);
    }
}
