using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>Looks through a chat's messages, in one pass and without taking them apart. Stateless.</summary>
internal static class MessageContent
{
    /// <summary>
    /// Whether messages can be told by tokens: of an image or a sound there are only places to be filled in.
    /// </summary>
    public static bool IsText(ReadOnlySpan<byte> messages)
    {
        var reader = new Utf8JsonReader(messages, new JsonReaderOptions { MaxDepth = 64 });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isContent = reader.ValueTextEquals("content"u8);
                reader.Read();
                if (!isContent || reader.TokenType != JsonTokenType.StartArray)
                    reader.Skip();
                else if (!PartsAreText(ref reader))
                    return false;
            }
        }

        return true;
    }

    /// <summary>Reads a message's content to its end, or to a part that is no text.</summary>
    private static bool PartsAreText(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.String)
                continue;
            if (reader.TokenType != JsonTokenType.StartObject)
                return false;

            var isText = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isType = reader.ValueTextEquals("type"u8);
                reader.Read();
                isText |= isType && reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("text"u8);
                reader.Skip();
            }

            if (!isText)
                return false;
        }

        return true;
    }
}
