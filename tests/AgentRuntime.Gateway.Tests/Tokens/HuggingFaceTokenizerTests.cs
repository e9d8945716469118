using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Gateway.Tests.Grpc;
using AgentRuntime.Gateway.Tokens;

namespace AgentRuntime.Gateway.Tests.Tokens;

public sealed class HuggingFaceTokenizerTests
{
    [Theory]
    [InlineData(false, false, "a <x> b", "a |<x>| b")]
    [InlineData(true, false, "a <x> b", "a|<x>| b")]
    [InlineData(false, true, "a <x> b", "a |<x>|b")]
    [InlineData(true, true, " <x>  <x>b", "<x>|<x>|b")]
    public void Added_tokens_swallow_the_space_that_they_are_told_to(bool left, bool right, string text, string pieces)
    {
        var tokenizer = Read(json => json["added_tokens"] = new JsonArray(new JsonObject
        {
            ["id"] = 900, ["content"] = "<x>", ["lstrip"] = left, ["rstrip"] = right, ["normalized"] = false,
            ["special"] = true,
        }));
        Assert.Equal(pieces, Pieces(tokenizer, text));
    }

    [Theory]
    [InlineData("ab <w> c", "ab |<w>| c")]
    [InlineData("<w><w>", "<w>|<w>")]
    [InlineData("a<w>", "a<w>")]
    [InlineData("<w>9", "<w>9")]
    public void A_single_word_is_none_within_another(string text, string pieces)
    {
        var tokenizer = Read(json => json["added_tokens"] = new JsonArray(new JsonObject
        {
            ["id"] = 900, ["content"] = "<w>", ["single_word"] = true, ["normalized"] = false, ["special"] = true,
        }));
        Assert.Equal(pieces, Pieces(tokenizer, text));
    }

    [Fact]
    public void The_longest_of_the_tokens_that_begin_together_is_taken()
    {
        var tokenizer = Read(json => json["added_tokens"] = new JsonArray(
            new JsonObject { ["id"] = 900, ["content"] = "<a" },
            new JsonObject { ["id"] = 901, ["content"] = "<ab>" }));
        Assert.Equal([901, 900], tokenizer.Encode("<ab><a", addSpecial: false));
    }

    [Fact]
    public void A_word_of_a_million_letters_takes_no_quadratic_time()
    {
        var tokenizer = Read(json => json["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false,
        });
        var text = string.Concat(Enumerable.Repeat("hello world", 100_000));
        Assert.Equal(200_000, tokenizer.Encode(text, addSpecial: false).Count);
    }

    [Theory]
    [InlineData("model", """{"type":"Unigram","vocab":[]}""", "Unigram")]
    [InlineData("model", """{"type":"WordPiece","vocab":{}}""", "WordPiece")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":0},"merges":["a b"]}""", "merge")]
    [InlineData("model", """{"type":"BPE","vocab":{"a":99999999},"merges":[]}""", "large")]
    [InlineData("normalizer", """{"type":"Precompiled"}""", "Precompiled")]
    [InlineData("pre_tokenizer", """{"type":"BertPreTokenizer"}""", "BertPreTokenizer")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"(a"},"behavior":"Isolated"}""", "pattern")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"\\p{Han}"},"behavior":"Isolated"}""", "patt")]
    [InlineData("decoder", """null""", "decoder")]
    [InlineData("decoder", """{"type":"CTC"}""", "CTC")]
    [InlineData("post_processor", """{"type":"Other"}""", "Other")]
    [InlineData("added_tokens", """[{"id":-1,"content":"x"}]""", "range")]
    [InlineData("added_tokens", """[{"id":"x"}]""", "must be")]
    public void What_is_not_understood_is_refused_and_said(string member, string value, string why)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(json => json[member] = JsonNode.Parse(value)));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pattern_that_runs_away_is_stopped()
    {
        var tokenizer = Read(json => json["pre_tokenizer"] = JsonNode.Parse(
            """{"type":"Split","pattern":{"Regex":"(?:[ab]+c?)+(?=[xy])"},"behavior":"Isolated"}"""));
        Assert.Throws<InvalidDataException>(() => tokenizer.Encode(new string('a', 5000), addSpecial: false));
    }

    private static HuggingFaceTokenizer Read(Action<JsonNode> change)
    {
        var json = JsonNode.Parse(TinyModel.Tokenizer())!;
        json["added_tokens"] = new JsonArray();
        change(json);
        return HuggingFaceTokenizer.Read(Encoding.UTF8.GetBytes(json.ToJsonString(JsonSerializerOptions.Default)));
    }

    /// <summary>Added tokens with bars around them, the text between them as it was.</summary>
    private static string Pieces(HuggingFaceTokenizer tokenizer, string text)
    {
        var result = new StringBuilder();
        var before = false;
        foreach (var token in tokenizer.Encode(text, addSpecial: false))
        {
            var isAdded = token >= 900;
            if (result.Length > 0 && (isAdded || before))
                result.Append('|');
            result.Append(Encoding.UTF8.GetString(tokenizer.BytesOf(token).Span));
            before = isAdded;
        }

        return result.ToString();
    }
}
