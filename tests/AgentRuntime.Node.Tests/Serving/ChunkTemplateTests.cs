using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Http;

namespace AgentRuntime.Node.Tests.Serving;

/// <summary>Chunks of text from a template are those that the JSON writer would have written.</summary>
public sealed class ChunkTemplateTests
{
    [Theory]
    [InlineData(" word")]
    [InlineData("")]
    [InlineData("\"quoted\" and \\ and /")]
    [InlineData("line\r\n\ttab\0\u0001\u007f")]
    [InlineData("<script>&amp;'+`")]
    [InlineData("Grüße, 漢字, \u2028\u2029\ufeff")]
    [InlineData("😀👩‍👩‍👧")]
    public async Task A_chunk_is_what_the_json_writer_writes(string text) =>
        Assert.Equal(Encoding.UTF8.GetString(Event(text)), await FromTemplateAsync(text));

    [Fact]
    public async Task Every_character_of_the_basic_plane_and_long_texts_are_too()
    {
        var random = new Random(4);
        for (var from = 0; from < char.MaxValue; from += 997)
        {
            var characters = Enumerable.Range(from, Math.Min(997, char.MaxValue - from)).Select(c => (char)c)
                .Where(c => !char.IsSurrogate(c)).OrderBy(_ => random.Next()).ToArray();
            var text = new string(characters);
            Assert.Equal(Encoding.UTF8.GetString(Event(text)), await FromTemplateAsync(text));
        }
    }

    [Fact]
    public async Task A_name_that_looks_like_a_text_does_not_confuse_it()
    {
        var template = ChunkTemplate.Of(Event("", model: "\"text\":\"\""), "text");
        Assert.Equal(
            Encoding.UTF8.GetString(Event("hello", model: "\"text\":\"\"")), await WriteAsync(template, "hello"));
    }

    [Fact]
    public void An_event_without_the_property_is_refused() =>
        Assert.Throws<ArgumentException>(() => ChunkTemplate.Of("data: {}\n\n"u8, "text"));

    private static Task<string> FromTemplateAsync(string text) => WriteAsync(ChunkTemplate.Of(Event(""), "text"), text);

    private static async Task<string> WriteAsync(ChunkTemplate template, string text)
    {
        using var stream = new MemoryStream();
        var writer = PipeWriter.Create(stream);
        template.Write(writer, text);
        await writer.CompleteAsync();
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static byte[] Event(string text, string model = "noise")
    {
        using var stream = new MemoryStream();
        stream.Write("data: "u8);
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("model", model);
            json.WriteStartArray("choices");
            json.WriteStartObject();
            json.WriteString("text", text);
            json.WriteNull("finish_reason");
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteEndObject();
        }

        stream.Write("\n\n"u8);
        return stream.ToArray();
    }
}
