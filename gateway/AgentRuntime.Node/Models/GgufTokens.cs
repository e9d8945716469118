using System.Text;

namespace AgentRuntime.Node.Models;

/// <summary>
/// Looks at a GGUF file's vocabulary before llama.cpp does: it asserts that no token is there twice, and an assertion
/// ends the process. Stateless.
/// </summary>
internal static class GgufTokens
{
    private const uint StringType = 8;
    private const uint ArrayType = 9;
    private const int HeaderBytes = 16;

    /// <summary>
    /// Whether a token is there twice. A file that does not parse has none: llama.cpp says what is wrong with it.
    /// </summary>
    public static bool HasOneTwice(string path)
    {
        try
        {
            using var reader = new BinaryReader(File.OpenRead(path));
            reader.BaseStream.Position = HeaderBytes;
            for (var left = reader.ReadUInt64(); left > 0; left--)
            {
                var key = Encoding.UTF8.GetString(Text(reader));
                var type = reader.ReadUInt32();
                if (type != ArrayType)
                {
                    Skip(reader, type);
                    continue;
                }

                var element = reader.ReadUInt32();
                var count = reader.ReadUInt64();
                var seen = key == "tokenizer.ggml.tokens" ? new HashSet<string>(StringComparer.Ordinal) : null;
                for (var i = 0UL; i < count; i++)
                {
                    if (seen is null || element != StringType) Skip(reader, element);
                    else if (!seen.Add(Encoding.Latin1.GetString(Text(reader)))) return true;
                }

                if (seen is not null) return false;
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return false;
        }

        return false;
    }

    private static byte[] Text(BinaryReader reader)
    {
        var length = reader.ReadUInt64();
        var left = (ulong)(reader.BaseStream.Length - reader.BaseStream.Position);
        return length <= left && length <= 1 << 26
            ? reader.ReadBytes((int)length)
            : throw new InvalidDataException("a text is longer than the file");
    }

    private static void Skip(BinaryReader reader, uint type)
    {
        if (type == StringType)
        {
            Text(reader);
            return;
        }

        var bytes = type switch
        {
            0 or 1 or 7 => 1,
            2 or 3 => 2,
            4 or 5 or 6 => 4,
            10 or 11 or 12 => 8,
            _ => throw new InvalidDataException("a value of an unknown type"),
        };
        if (reader.ReadBytes(bytes).Length < bytes) throw new EndOfStreamException();
    }
}
