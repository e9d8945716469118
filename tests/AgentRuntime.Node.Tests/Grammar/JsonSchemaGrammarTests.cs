using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Http;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What can be written by the grammar of a schema, by llama.cpp's own reading of it.</summary>
public sealed class JsonSchemaGrammarTests : IClassFixture<JsonSchemaGrammarTests.Vocabulary>
{
    private readonly OddVocabulary _vocabulary;

    public JsonSchemaGrammarTests(Vocabulary vocabulary) => _vocabulary = vocabulary.Value;

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}},"""
        + """ "anyOf":[{"required":["a"]},{"required":["b"]}]}""", """{"b":null}""", "{}", "1", """{"a":1}""")]
    [InlineData("""{"properties":{"a":{"type":"null"}},"oneOf":[{"required":["a"]}],"additionalProperties":false}""",
        """{"a":null}""", "{}", "1")]
    [InlineData("""{"allOf":[{"type":"object","required":["a"]},{"properties":{"a":{"type":"integer"}}},"""
        + """{"properties":{"a":{"enum":[1,"x"]}}}]}""", """{"a":1}""", "{}", """{"a":2}""", """{"a":"x"}""")]
    [InlineData("""{"$ref":"#/$defs/n","required":["a"],"$defs":{"n":"""
        + """{"type":"object","properties":{"a":{"type":"null"}}}}}""", """{"a":null}""", "{}")]
    [InlineData("""{"allOf":[{"anyOf":[{"type":"string"},{"const":1}]},{"oneOf":[{"const":1},{"const":2}]},"""
        + """{"anyOf":[{"type":["number","string"]}]}]}""", "1", "2", "\"\"")]
    [InlineData("""{"type":"string","enum":["a",1]}""", "\"a\"", "1")]
    [InlineData("""{"type":["integer","null"],"anyOf":[{"type":"number"},{"type":"null"}]}""", "7", "7.5", "\"\"")]
    [InlineData("""{"type":"object","anyOf":[{"type":"null"},{"required":["a"]}],"properties":{"a":{"const":1}}}""",
        """{"a":1}""", "null", "{}")]
    [InlineData("""{"type":"object","required":["a"]}""", """{"a":[1]}""", "{}")]
    [InlineData("""{"type":"object","properties":{"b":"""
        + """{"type":"null"}},"required":["a"],"additionalProperties":{"type":"boolean"}}""",
        """{"b":null,"a":true}""", """{"b":null}""", """{"a":null}""")]
    [InlineData("""{"type":"object","additionalProperties":{"type":"integer"}}""", """{"x":1,"y":2}""",
        """{"x":""}""", """{"x":1,}""")]
    [InlineData("""{"type":"object","patternProperties":{"^a":{"type":"integer"}}}""", """{"ab":1}""", """{"ab":""}""")]
    [InlineData("""{"properties":{"ab":{"type":["integer","string"]},"b":{"type":"null"}},"required":["ab"],"""
        + """ "patternProperties":{"^a":{"type":"integer"},"^x-":{}}}""", """{"ab":1,"b":null}""", """{"ab":""}""")]
    [InlineData("""{"patternProperties":{"^a":{"type":"integer"},"b$":{"minimum":0}},"additionalProperties":false,"""
        + """ "required":["ab"]}""", """{"ab":1}""", """{"ab":-1}""", """{"ab":""}""", "{}")]
    [InlineData("""{"patternProperties":{"^a":{"type":"integer"}},"required":["b"]}""", """{"b":""}""", "{}")]
    [InlineData("""{"allOf":[{"properties":{"ab":{"type":"integer"}},"required":["ab"]},"""
        + """{"patternProperties":{"^a":{"minimum":1}},"additionalProperties":false}]}""",
        """{"ab":1}""", """{"ab":0}""", """{"ab":""}""")]
    [InlineData("""{"allOf":[{"patternProperties":{"^a":{"type":"integer"}}},{"additionalProperties":false}]}""",
        "{}", """{"ab":1}""")]
    [InlineData("""{"allOf":[{"patternProperties":{"^a":{"type":"integer"}}},"""
        + """{"properties":{"b":{"type":"null"}},"additionalProperties":false}]}""", """{"b":null}""", """{"ab":1}""")]
    [InlineData("""{"patternProperties":{"^a":false,"^b":{"type":"integer"}},"additionalProperties":false}""",
        "{}", """{"ab":1}""")]
    [InlineData("""{"type":"object","properties":{"a":false,"b":{"type":"null"}}}""", """{"b":null}""", """{"a":1}""")]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"required":["b"]}""",
        """{"a":1,"b":2}""", """{"a":1}""", """{"a":1,"c":3}""", """{"b":2,"a":1}""", """{"a":1,"b":2,}""")]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}}}""",
        """{"a":1,"c":3}""", """{"c":3,"a":1}""", """{,"c":3}""", """{"a":1,}""")]
    [InlineData("""{"enum":[1,12,123,"1","12"]}""", "12", "2", "1234", "\"2\"", "\"123\"", "\"1")]
    [InlineData("""{"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"}}""",
        "[null,true,1,2]", "[true]", "[null,true,\"\"]")]
    [InlineData("""{"prefixItems":[{"type":"null"},{"type":"boolean"}],"items":false,"minItems":1}""",
        "[null]", "[]", "[null,true,1]")]
    [InlineData("""{"type":"array","items":[{"type":"null"},{"type":"null"}],"maxItems":1}""", "[null]", "[null,null]")]
    [InlineData("""{"type":"array","items":{"type":"null"},"minItems":2.0,"maxItems":3}""", "[null,null]", "[null]",
        "[null,null,null,null]")]
    [InlineData("""{"type":"object","required":null,"properties":null,"additionalProperties":null}""",
        """{"any":1}""", "1")]
    [InlineData("""{"type":"integer","minimum":-3,"exclusiveMaximum":12}""", "11", "12", "-4", "1.5")]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1}""", "0.25", "0", "1.5", "1e0", "-0.5")]
    [InlineData("""{"allOf":[{"type":"integer","maximum":9},{"maximum":5},{"minimum":5}]}""", "5", "6", "4")]
    [InlineData("""{"anyOf":[{"type":"integer","minimum":2,"maximum":1},{"const":0}]}""", "0", "1", "2")]
    [InlineData("""{"type":"string","pattern":"^ORD-[0-9]{4}$","maxLength":12}""", "\"ORD-1234\"", "\"ORD-123\"",
        "\"ORD-12345\"")]
    [InlineData("""{"type":"string","pattern":"^[a-z]*$","minLength":2,"maxLength":3}""", "\"abc\"", "\"a\"",
        "\"abcd\"", "\"aB\"")]
    [InlineData("""{"type":"string","pattern":"b"}""", "\"abc\"", "\"ac\"")]
    [InlineData("""{"type":"string","pattern":"(?<=a)b","minLength":2}""", "\"bc\"", "\"b\"")]
    [InlineData("""{"type":"string","pattern":"(?=a)","minLength":2}""", "\"ba\"", "\"bc\"", "\"a\"")]
    [InlineData("""{"type":"string","pattern":"^[a-z]+(-[a-z]+)*$","minLength":3,"maxLength":5}""", "\"a-b-c\"",
        "\"ab\"", "\"abc-de\"", "\"a--b\"")]
    [InlineData("""{"allOf":[{"type":"string","pattern":"^a"},{"pattern":"b$"},{"maxLength":3}]}""",
        "\"acb\"", "\"aab1\"",
        "\"ac\"", "\"cb\"", "\"accb\"")]
    [InlineData("""{"type":"string","format":"ipv4","pattern":"^10\\."}""",
        "\"10.0.0.1\"", "\"11.0.0.1\"", "\"10.0.0\"")]
    [InlineData("""{"pattern":"^a$"}""", "\"a\"", "\"b\"", "1")]
    [InlineData("""{"type":"string","not":{"enum":["a","b"]},"maxLength":2}""", "\"ab\"", "\"a\"", "\"abc\"")]
    [InlineData("""{"type":["string","null"],"not":{"anyOf":[{"pattern":"^a"},{"minLength":3}]}}""", "\"ba\"", "\"ab\"",
        "\"bab\"")]
    [InlineData("""{"not":{"type":["string","number","boolean","array","object"]}}""", "null", "1", "\"\"", "{}")]
    [InlineData("""{"type":"number","not":{"type":"integer"}}""", "1.5", "1", "2.0")]
    [InlineData("""{"type":"integer","multipleOf":3,"minimum":4,"maximum":20}""", "18", "3", "7", "21")]
    [InlineData("""{"type":"number","multipleOf":0.25}""", "-7.750", "7.8", "0.1", "1e0")]
    [InlineData("""{"type":"number","multipleOf":1e2}""", "1200.0", "1250", "0.1")]
    [InlineData("""{"type":"integer","allOf":[{"multipleOf":4},{"multipleOf":6}],"not":{"const":24}}""",
        "36", "24", "16")]
    [InlineData("""{"type":"integer","not":{"minimum":3}}""", "2", "3", "4")]
    [InlineData("""{"type":"number","minimum":1,"exclusiveMinimum":true}""", "1.5", "1", "0")]
    [InlineData("""{"enum":["a","bb",1,7,null],"minLength":2,"multipleOf":7}""", "7", "1", "\"a\"")]
    [InlineData("""{"type":"object","properties":{"a":{"const":1}},"additionalProperties":{"type":"null"}}""",
        """{"a":1,"b":null,"c":null}""", """{"b":null,"a":1}""", """{"a":null}""", """{"b":1}""")]
    [InlineData("""{"properties":{"a":{"const":1}},"patternProperties":{"^x":{"type":"null"}},"""
        + """ "additionalProperties":false}""",
        """{"a":1,"x1":null}""", """{"a":1,"y":null}""", """{"a":1,"x1":1}""")]
    [InlineData("""{"patternProperties":{"^x":{"const":1}},"additionalProperties":{"const":2}}""",
        """{"x1":1,"y":2}""", """{"x1":2}""", """{"y":1}""")]
    [InlineData("""{"propertyNames":{"$ref":"#/$defs/n"},"additionalProperties":{"const":1},"""
        + """ "$defs":{"n":{"pattern":"^[ab]$"}}}""",
        """{"a":1,"b":1}""", """{"c":1}""", """{"ab":1}""")]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2}},"propertyNames":{"maxLength":1,"enum":["a","c"]}}""",
        """{"a":1}""", """{"b":2}""")]
    [InlineData("""{"type":"object","minProperties":1,"maxProperties":2,"additionalProperties":{"const":1}}""",
        """{"a":1,"b":1}""", "{}", """{"a":1,"b":1,"c":1}""")]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"minProperties":2,"""
        + """ "required":["b"]}""",
        """{"b":2,"c":3}""", """{"b":2}""", "{}", """{"a":1,"c":3}""")]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"maxProperties":1}""",
        """{"c":3}""", """{"a":1,"b":2}""")]
    [InlineData("""{"properties":{"a":{"const":1}},"minProperties":2}""", """{"a":1,"b":[]}""", """{"a":1}""")]
    [InlineData("""{"properties":{"k":{"enum":["x","y"]},"n":{"const":1}},"required":["k"],"""
        + """ "if":{"properties":{"k":{"const":"x"}}},"then":{"required":["n"]},"else":{"properties":{"n":false}}}""",
        """{"k":"x","n":1}""", """{"k":"x"}""", """{"k":"y","n":1}""")]
    [InlineData("""{"properties":{"k":{"enum":["x","y"]},"n":{"enum":[1,2]}},"required":["k","n"],"allOf":["""
        + """{"if":{"properties":{"k":{"const":"x"}}},"then":{"properties":{"n":{"const":1}}}},"""
        + """{"if":{"properties":{"k":{"const":"y"}}},"then":{"properties":{"n":{"const":2}}}}]}""",
        """{"k":"y","n":2}""", """{"k":"x","n":2}""", """{"k":"y","n":1}""")]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"dependentRequired":{"a":["b"]},"""
        + """ "dependencies":{"b":{"required":["c"]}}}""", """{"a":1,"b":2,"c":3}""", """{"a":1}""", """{"b":2}""")]
    [InlineData("""{"type":["integer","object"],"properties":{"a":{},"b":{}},"dependentRequired":{"a":["b"]}}""",
        "1", """{"a":1}""")]
    [InlineData("""{"type":"object","not":{"required":["a","b"]},"properties":{"a":{"const":1},"b":{"const":2}}}""",
        """{"b":2}""", """{"a":1,"b":2}""", "1")]
    [InlineData("""{"properties":{"a":{"const":1},"b":{"const":2}},"oneOf":[{"required":["a"]},{"required":["b"]}]}""",
        """{"b":2}""", """{"a":1,"b":2}""", "{}")]
    [InlineData("""{"oneOf":[{"type":"integer","multipleOf":2},{"type":"number","multipleOf":3}]}""", "9", "6", "5")]
    [InlineData("""{"type":"array","items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":2}""",
        "[\"c\",\"a\"]", "[\"c\",\"c\"]", "[\"c\"]", "[\"a\",\"b\",\"a\"]")]
    [InlineData("""{"$ref":"#n","$defs":{"x":{"$anchor":"n","type":"null"}}}""", "null", "1")]
    [InlineData("""{"$ref":"#/$defs/n","$defs":{"n":{"properties":{"v":{"const":1},"n":{"allOf":["""
        + """{"$ref":"#/$defs/n"},{"type":"object"}]}},"required":["v"]}}}""", """{"v":1,"n":{"v":1,"n":{"v":1}}}""",
        """{"v":1,"n":{}}""")]
    [InlineData("""{"type":"string","format":"date"}""", "\"2024-02-29\"", "\"2024-2-29\"")]
    [InlineData("""{"type":"string","format":"color"}""", "\"any\"", "1")]
    [InlineData("""{"enum":["Größe <b>'&+"]}""", "\"Größe <b>'&+\"", "\"Gr\\u00F6\\u00DFe <b>'&+\"")]
    public void An_instance_can_be_written_and_nothing_else(string schema, string instance, params string[] others)
    {
        var grammar = Grammar(schema);
        Assert.True(_vocabulary.Accepts(grammar, instance), grammar.Gbnf);
        Assert.All(others, other => Assert.False(_vocabulary.Accepts(grammar, other), other));
    }

    [Theory]
    [InlineData("""{"type":"array","minItems":2,"maxItems":1}""")]
    [InlineData("""{"type":"array","minItems":300,"maxItems":100}""")]
    [InlineData("""{"type":"string","minLength":2,"maxLength":1}""")]
    [InlineData("""{"type":"string","minLength":300,"maxLength":100}""")]
    [InlineData("""{"type":"array","prefixItems":[true],"items":false,"minItems":2}""")]
    [InlineData("""{"type":"object","required":["a"],"additionalProperties":false}""")]
    [InlineData("""{"type":"string","enum":[1]}""")]
    [InlineData("""{"enum":[]}""")]
    [InlineData("""{"anyOf":[]}""")]
    [InlineData("""{"type":"string","allOf":[{"type":"object"}]}""")]
    [InlineData("""{"$ref":"#"}""")]
    [InlineData("""{"allOf":[{"$ref":"#"},{"type":"object"}]}""")]
    [InlineData("false")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#/$defs/no"}},"required":["a"],"$defs":{"no":false}}""")]
    public void What_nothing_satisfies_is_refused(string schema) =>
        Assert.Equal(ReasonCodes.UnsupportedParameter, Refusal(schema));

    [Theory]
    [InlineData("""{"properties":[]}""")]
    [InlineData("""{"type":"object","required":[1]}""")]
    [InlineData("""{"type":[1]}""")]
    [InlineData("""{"type":1}""")]
    [InlineData("""{"$ref":1}""")]
    [InlineData("""{"type":"integer","minimum":"1"}""")]
    [InlineData("""{"type":"string","maxLength":"1"}""")]
    [InlineData("""{"type":[1],"enum":[1]}""")]
    [InlineData("""{"const":"abc\ud83d"}""")]
    [InlineData("7")]
    public void What_is_no_schema_is_refused(string schema) =>
        Assert.Equal(ReasonCodes.MalformedRequest, Refusal(schema));

    [Theory]
    [InlineData("""{"properties":{"ab":{}},"patternProperties":{"(?<!a)":{"type":"integer"}}}""")]
    [InlineData("""{"allOf":[{"properties":{"ab":{}}},"""
        + """{"patternProperties":{"(?<!a)":{}},"additionalProperties":false}]}""")]
    public void Patterns_of_which_it_cannot_be_said_which_properties_they_bind_are_refused(string schema) =>
        Assert.Equal(ReasonCodes.UnsupportedParameter, Refusal(schema));

    [Fact]
    public void Schemas_that_could_take_for_ever_do_not()
    {
        string List(int count, Func<int, string> item) => string.Join(',', Enumerable.Range(0, count).Select(item));
        string[] schemas =
        [
            // What is no instance of schemas that refer to one another,
            $"{{\"not\":{{\"$ref\":\"#/$defs/s\"}},\"$defs\":{{\"s\":{{\"allOf\":["
                + $"{List(200, _ => "{\"$ref\":\"#/$defs/s\"}")}]}}}}}}",
            // long lists of names that must be looked for in one another,
            $"{{\"oneOf\":[{List(2, o => $"{{\"required\":[{List(20_000, i => $"\"p{o}{i}\"")}],\"properties\":{{"
                + $"{List(20_000, i => $"\"p{o}{i}\":{{\"const\":1}}")}}}}}")}]}}",
            // many names of schemas,
            $"{{\"anyOf\":[{List(1500, i => $"{{\"$ref\":\"#n{i}\"}}")}],\"$defs\":{{"
                + $"{List(1500, i => $"\"n{i}\":{{\"$anchor\":\"n{i}\",\"const\":\"{new string('x', 500)}\"}}")}}}}}",
            // and deep expressions.
            $"{{\"pattern\":\"(?=a)({List(900, _ => "a?b?").Replace(",", "", StringComparison.Ordinal)})\"}}",
            $"{{\"pattern\":\"(?=x)({new string('x', 4000)}){{2}}\"}}",
            // Much that arrays contain, within one another too,
            $"{{\"allOf\":[{List(300, i => $"{{\"contains\":{{\"const\":{i}}}}}")}]}}",
            string.Concat(Enumerable.Repeat("{\"maxContains\":3,\"minItems\":50,\"contains\":", 25)) + "{\"const\":1}"
                + new string('}', 25),
            $"{{\"prefixItems\":[{List(3000, i => $"{{\"const\":{i}}}")}],\"contains\":{{\"const\":2999}}}}",
            // options that are many and large,
            $"{{\"oneOf\":[{List(64, o => $"{{\"$ref\":\"#/$defs/d{o}\"}}")}],\"$defs\":{{{List(64, o =>
                $"\"d{o}\":{{\"required\":[\"t\"],\"properties\":{{\"t\":{{\"const\":{o}}},{List(300, i =>
                    $"\"p{i}\":{{\"type\":\"string\"}}")}}}}}")}}}}}",
            // and what is left of others within one another, or of many.
            string.Concat(Enumerable.Repeat("{\"unevaluatedProperties\":false,\"allOf\":[", 25)) + "{}"
                + string.Concat(Enumerable.Repeat("]}", 25)),
            $"{{\"unevaluatedProperties\":false,\"allOf\":[{List(40, i =>
                $"{{\"anyOf\":[{{\"properties\":{{\"a{i}\":{{}}}}}},{{\"properties\":{{\"b{i}\":{{}}}}}}]}}")}]}}",
        ];
        Assert.All(schemas, schema =>
        {
            var (began, outcome) = (Environment.TickCount64, "");
            try
            {
                Grammar(schema);
            }
            catch (RuntimeErrorException e)
            {
                outcome = e.Message;
            }

            // They would take hours; a busy machine takes seconds.
            Assert.True(Environment.TickCount64 - began < 60_000, outcome);
        });
        Assert.Equal(ReasonCodes.UnsupportedParameter, Refusal(
            $"{{\"patternProperties\":{{{List(100, i => $"\"^p{i}\":{{\"const\":{i}}}")}}}}}"));
    }

    [Fact]
    public void Noise_is_a_schema_or_refused()
    {
        string[] keywords =
        [
            "$ref", "anyOf", "oneOf", "allOf", "not", "if", "then", "else", "const", "enum", "type", "properties",
            "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties", "maxProperties",
            "dependentRequired", "dependencies", "dependentSchemas", "items", "prefixItems", "minItems", "maxItems",
            "uniqueItems", "contains", "minContains", "maxContains", "unevaluatedProperties", "unevaluatedItems",
            "$dynamicRef",
            "pattern", "format", "minLength", "maxLength", "minimum", "exclusiveMaximum", "multipleOf",
        ];
        string[] leaves =
        [
            "true", "false", "null", "0", "3", "-1.5", "1e400", "\"\"", "\"a\"", "\"string\"", "\"object\"",
            "\"integer\"", "\"#\"", "\"#/not\"", "\"^a\"", "\"(?=b)\"", "\"date\"", "[]", "{}", "[\"a\",1,null]",
            "[\"string\",\"null\"]", "{\"a\":true}", "{\"^a\":{\"type\":\"integer\"}}",
        ];
        var (random, taken) = (new Random(4), 0);
        for (var i = 0; i < 4000; i++)
        {
            var schema = Make(3);
            try
            {
                SchemaText.Grammar(schema, strict: i % 2 == 0);
                taken++;
            }
            catch (RuntimeErrorException)
            {
            }
        }

        Assert.InRange(taken, 400, 3600);

        string Make(int depth)
        {
            if (depth == 0 || random.Next(4) == 0) return leaves[random.Next(leaves.Length)];
            if (random.Next(5) == 0)
                return $"[{string.Join(',', Enumerable.Range(0, random.Next(3)).Select(_ => Make(depth - 1)))}]";
            var members = Enumerable.Range(0, random.Next(1, 5)).Select(_ =>
                $"\"{(random.Next(6) == 0 ? "a" : keywords[random.Next(keywords.Length)])}\":{Make(depth - 1)}");
            return $"{{{string.Join(',', members)}}}";
        }
    }

    [Fact]
    public void Long_lists_of_values_and_of_properties_that_may_be_left_out_are_written()
    {
        var values = Grammar($"{{\"enum\":[{string.Join(',', Enumerable.Range(0, 5000).Select(i => $"\"v{i}\""))}]}}");
        Assert.True(_vocabulary.Accepts(values, "\"v4999\""));
        Assert.False(_vocabulary.Accepts(values, "\"v5000\""));
        var members = string.Join(',', Enumerable.Range(0, 300).Select(i => $"\"p{i}\":{{\"const\":{i}}}"));
        var properties = Grammar($"{{\"properties\":{{{members}}}}}");
        Assert.True(_vocabulary.Accepts(properties, """{"p0":0,"p150":150,"p299":299}"""));
        Assert.False(_vocabulary.Accepts(properties, """{"p150":150,"p0":0}"""));
    }

    [Fact]
    public void Schemas_that_are_written_anew_for_each_other_without_end_are_refused()
    {
        var big = $"{{\"properties\":{{\"p\":{{\"description\":\"{new string('x', 400_000)}\"}}}}}}";
        string All(int count) => $"{{\"allOf\":[{big},{string.Join(',', Enumerable.Range(0, count)
            .Select(i => $"{{\"minItems\":{i}}}"))}]}}";
        Assert.NotNull(Grammar(All(20)));
        Assert.Equal(ReasonCodes.UnsupportedParameter, Refusal(All(200)));
    }

    [Fact]
    public void Long_lists_that_must_be_compared_are_refused()
    {
        var list = $"{{\"enum\":[{string.Join(',', Enumerable.Range(0, 100_000))}]}}";
        Assert.NotNull(Grammar($"{{\"allOf\":[{{\"enum\":[1,2]}},{{\"enum\":[2,3]}}]}}"));
        Assert.Equal(ReasonCodes.UnsupportedParameter, Refusal($"{{\"allOf\":[{list},{{\"enum\":[7]}}]}}"));
    }

    [Fact]
    public void Schemas_that_nest_one_another_without_end_are_refused()
    {
        var nested = string.Concat(Enumerable.Repeat("{\"not\":", 12)) + "{}" + new string('}', 12);
        var all = Enumerable.Range(1, 255).Select(i => $"{{\"properties\":{{\"p\":{{\"minLength\":{i}}}}}}}");
        Assert.Equal(
            ReasonCodes.MalformedRequest,
            Refusal($"{{\"allOf\":[{{\"properties\":{{\"p\":{{\"items\":{nested}}}}}}},{string.Join(',', all)}]}}"));
    }

    [Fact]
    public void Unions_of_unions_are_gone_through_once()
    {
        var schemas = Enumerable.Range(0, 12).SelectMany(level => Enumerable.Range(0, 8).Select(i =>
            $"\"l{level}x{i}\":{{\"anyOf\":[{string.Join(',', Enumerable.Range(0, 8).Select(j =>
                level == 11 ? $"{{\"const\":{j}}}" : $"{{\"$ref\":\"#/$defs/l{level + 1}x{j}\"}}"))}]}}"));
        var grammar = Grammar($"{{\"$ref\":\"#/$defs/l0x0\",\"$defs\":{{{string.Join(',', schemas)}}}}}");
        var automaton = new GrammarAutomaton(grammar.Root);
        Assert.True(automaton.MayEnd(automaton.Step(automaton.Start, (byte)'7')));
        Assert.True(automaton.Step(automaton.Start, (byte)'8').IsLost);
    }

    [Fact]
    public void Long_texts_and_lists_have_their_bounds()
    {
        using var text = _vocabulary.Sampler(new() { Grammar = Grammar("""{"type":"string","maxLength":1000}""") })!;
        Assert.All('"' + new string('a', 1000), c => Assert.Equal(c, _vocabulary.Sample(text, c)));
        Assert.NotEqual('a', _vocabulary.Sample(text, 'a'));
        using var list = _vocabulary.Sampler(
            new() { Grammar = Grammar("""{"items":{"const":1},"minItems":400,"maxItems":400}""") })!;
        var items = string.Concat(Enumerable.Repeat(",1", 399));
        Assert.All("[1" + items, c => Assert.Equal(c, _vocabulary.Sample(list, c)));
        Assert.NotEqual(',', _vocabulary.Sample(list, ','));
    }

    [Fact]
    public void Long_unions_are_written()
    {
        var union = Grammar($"{{\"anyOf\":[{string.Join(',', Enumerable.Range(0, 1500).Select(i =>
            $"{{\"const\":\"a{i}\"}}"))}]}}");
        using var sampler = _vocabulary.Sampler(new() { Grammar = union })!;
        Assert.All("\"a1499\"", c => Assert.Equal(c, _vocabulary.Sample(sampler, c)));
        Assert.Equal(_vocabulary.Model.Eos, _vocabulary.Sample(sampler, _vocabulary.Model.Eos));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("{}")]
    [InlineData("""{"$ref":"#/$defs/a","$defs":{"a":{"type":["object","string"]}}}""")]
    public void A_tools_arguments_are_an_object(string? parameters)
    {
        var grammar = CallGrammar.Of([new("go", "{}", parameters)], ToolCallSyntax.Hermes, required: true);
        Assert.True(_vocabulary.Accepts(grammar, """<tool_call>{"name":"go","arguments":{"a":1}}</tool_call>"""));
        Assert.False(_vocabulary.Accepts(grammar, """<tool_call>{"name":"go","arguments":1}</tool_call>"""));
        Assert.False(_vocabulary.Accepts(grammar, """<tool_call>{"name":"go","arguments":""}</tool_call>"""));
    }

    private static OutputGrammar Grammar(string schema)
    {
        using var json = JsonDocument.Parse(schema);
        return OutputGrammar.OfSchema(json.RootElement);
    }

    private static ReasonCode Refusal(string schema) =>
        Assert.Throws<RuntimeErrorException>(() => RequestJson.Read(() => Grammar(schema))).Error.Code;

    public sealed class Vocabulary : IDisposable
    {
        internal OddVocabulary Value { get; } = new();

        public void Dispose() => Value.Dispose();
    }
}
