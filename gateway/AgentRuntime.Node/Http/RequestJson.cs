using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Http;

/// <summary>
/// JSON of requests: read with what is wrong in it said, and parts of it written compactly as a model reads and writes
/// them, with no more escapes than JSON needs. Stateless.
/// </summary>
internal static class RequestJson
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a body, or a part of one.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR1004: a value is not of the kind that it must be, or a text not of Unicode; both are a
    /// <see cref="JsonElement"/>'s own exception. Or what is made of it, such as schemas merged into one another, is
    /// nested too deeply. And whatever <paramref name="read"/> refuses.
    /// </exception>
    public static T Read<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            throw CompletionRequestReader.Malformed(
                "the JSON has a value of another kind than it must be, or a text that is not Unicode", null);
        }
        catch (JsonException)
        {
            throw CompletionRequestReader.Malformed("the JSON is nested too deeply", null);
        }
    }

    /// <summary>A value without white space.</summary>
    public static string Compact(JsonElement value) => Write(value.WriteTo);

    /// <summary>A text as a JSON string.</summary>
    public static string Compact(string text) => Write(json => json.WriteStringValue(text));

    private static string Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, Plain)) write(json);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
