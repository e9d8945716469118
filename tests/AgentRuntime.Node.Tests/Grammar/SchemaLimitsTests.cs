using AgentRuntime.Node.Grammar;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>What is enforced of long texts, and of schemas of which all would be too much.</summary>
public sealed class SchemaLimitsTests
{
    [Theory]
    [InlineData("""{"type":"string","maxLength":20000}""", 20_000)]
    [InlineData("""{"type":"string","pattern":"^[a-z]+(-[a-z]+)*$","maxLength":600}""", 600)]
    public void Long_texts_end_where_they_must(string schema, int most)
    {
        var grammar = SchemaText.Grammar(schema, strict: true);
        Assert.True(SchemaText.Takes(grammar, $"\"{new string('a', most)}\""));
        Assert.False(SchemaText.Takes(grammar, $"\"{new string('a', most + 1)}\""));
    }

    [Theory]
    [InlineData("""{"type":"string","format":"uri","minLength":1,"maxLength":2083}""",
        "https://www.example.com:443/a/%20b/?c=d&e#f", "www.example.com", "https://www.example.com/")]
    [InlineData("""{"type":"string","format":"uri","maxLength":1000}""", "mailto:a@example.com", "a b", "urn:")]
    [InlineData("""{"type":"string","format":"email","minLength":3,"maxLength":254}""",
        "first.last@mail.example.com", "first.last", "")]
    public void Formats_hold_beside_a_length_where_the_schema_is_strict(
        string schema, string text, string other, string beginning)
    {
        var grammar = SchemaText.Grammar(schema, strict: true);
        Assert.True(SchemaText.Takes(grammar, $"\"{text}\""));
        Assert.False(SchemaText.Takes(grammar, $"\"{other}\""));
        Assert.False(SchemaText.Takes(grammar, $"\"{beginning}{new string('a', 2070)}\""));
    }

    [Theory]
    [InlineData("uri", 1000)]
    [InlineData("email", 254)]
    public void Short_texts_of_a_format_are_of_the_format_and_short(string format, int most)
    {
        var pattern = PatternReader.Read(StringFormats.Short(format, 0, most)!)!;
        var shorts = new RegularExpressions();
        Assert.Null(RegularMachine.Of(shorts, shorts.And(PatternLanguage.Whole(shorts, pattern), shorts.Not(
            PatternLanguage.Part(shorts, PatternReader.Read(StringFormats.Pattern(format)!)!))), 100_000));
        Assert.InRange(Longest(pattern.Whole), most * 9 / 10, most);

        static int Longest(PatternPart part) => part switch
        {
            PatternPart.Set => 1,
            PatternPart.Sequence s => s.Parts.Sum(Longest),
            PatternPart.Choice c => c.Parts.Max(Longest),
            PatternPart.Repeated r => r.Most!.Value * Longest(r.Part),
            _ => 0,
        };
    }

    [Fact]
    public void Long_texts_have_their_least_length()
    {
        var grammar = SchemaText.Grammar("""{"type":"string","minLength":20000}""");
        Assert.True(SchemaText.Takes(grammar, $"\"{new string('a', 20_000)}\""));
        Assert.False(SchemaText.Takes(grammar, $"\"{new string('a', 19_999)}\""));
    }

    [Fact]
    public void Conditions_that_are_too_many_together_are_left_out_or_refused_where_the_schema_is_strict()
    {
        var cases = string.Join(',', Enumerable.Range(0, 12).Select(i =>
            $"{{\"if\":{{\"required\":[\"a{i}\"]}},\"then\":{{\"required\":[\"b{i}\"]}}}}"));
        var names = string.Join(',', Enumerable.Range(0, 12).Select(i =>
            $"\"a{i}\":{{\"const\":1}},\"b{i}\":{{\"const\":2}}"));
        var schema = $"{{\"type\":\"object\",\"properties\":{{{names}}},\"allOf\":[{cases}]}}";
        var grammar = SchemaText.Grammar(schema);
        Assert.True(SchemaText.Takes(grammar, """{"a0":1,"b0":2}"""));
        Assert.False(SchemaText.Takes(grammar, """{"a0":2}"""));
        SchemaText.Refusal(schema, strict: true);
    }

    [Fact]
    public void A_reference_that_could_mean_several_schemas_is_left_out_or_refused_where_the_schema_is_strict()
    {
        const string Schema = """
            {"properties":{"a":{"$dynamicRef":"#n"}},"$defs":{"x":{"$dynamicAnchor":"n","type":"null"},
            "y":{"$dynamicAnchor":"n","type":"integer"}}}
            """;
        Assert.True(SchemaText.Takes(SchemaText.Grammar(Schema), """{"a":1}"""));
        Assert.Contains("'$dynamicRef' at #/properties/a/$dynamicRef",
            SchemaText.Refusal(Schema, strict: true).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"type":"number","multipleOf":1e-30}""")]
    [InlineData("""{"not":{"contains":{"const":1},"minContains":1e400}}""")]
    public void Numbers_beyond_all_that_can_be_counted_are_taken(string schema) =>
        Assert.NotNull(SchemaText.Grammar(schema));

    [Fact]
    public void Numbers_stay_within_bounds_that_are_greater_than_what_is_counted()
    {
        var grammar = SchemaText.Grammar("""{"type":"number","maximum":3.4e38}""");
        Assert.True(SchemaText.Takes(grammar, "1000000000000000"));
        Assert.False(SchemaText.Takes(grammar, "1e99"));
    }
}
