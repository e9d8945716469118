using System.Text.Json;

namespace AgentRuntime.Gateway.Routing.Simulation;

/// <summary>One request of a trace. Immutable.</summary>
/// <param name="ArrivalSeconds">When it comes, from the start of the trace.</param>
/// <param name="PromptTokens">Tokens of its prompt.</param>
/// <param name="OutputTokens">Tokens of its answer.</param>
/// <param name="Blocks">Keys of its blocks, the last one possibly of a block that is not full.</param>
public sealed record TraceRequest(double ArrivalSeconds, int PromptTokens, int OutputTokens, BlockKey[] Blocks)
{
    /// <summary>Whose it is, from 0. Default 0.</summary>
    public int Tenant { get; init; }

    /// <summary>Its class. Default 0.</summary>
    public int Class { get; init; }

    /// <summary>
    /// Reads one line of a Mooncake trace (FAST'25 release): timestamp in ms, input_length, output_length and hash_ids,
    /// equal for equal prefixes.
    /// </summary>
    /// <exception cref="FormatException">The line has another form.</exception>
    public static TraceRequest ParseMooncake(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line);
            double timestamp = 0;
            int input = 0, output = 0;
            List<BlockKey> blocks = [];
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var name = reader.GetString();
                reader.Read();
                switch (name)
                {
                    case "timestamp": timestamp = reader.GetDouble() / 1000; break;
                    case "input_length": input = reader.GetInt32(); break;
                    case "output_length": output = reader.GetInt32(); break;
                    case "hash_ids": ReadBlocks(ref reader, blocks); break;
                    default: reader.Skip(); break;
                }
            }

            if (reader.TokenType != JsonTokenType.EndObject || reader.Read())
                throw new FormatException("a trace line is one JSON object");
            if (!double.IsFinite(timestamp) || output < 0)
                throw new FormatException("timestamp is to be a finite number, and output_length not below 0");
            return input > 0
                ? new(timestamp, input, output, [.. blocks])
                : throw new FormatException("a trace line needs a positive input_length");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new FormatException("a trace line is a JSON object", e);
        }
    }

    private static void ReadBlocks(ref Utf8JsonReader reader, List<BlockKey> blocks)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new FormatException("hash_ids is to be a list of numbers");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            blocks.Add(KeyOf(reader.GetInt64()));
    }

    /// <summary>The key of a block that a trace names by a number.</summary>
    public static BlockKey KeyOf(long id)
    {
        var hash = XxHash64.Avalanche((ulong)id + 0x5851F42D4C957F2D);
        return new(hash == 0 ? 1 : hash);
    }
}
