using System.Text;

namespace AgentRuntime.Node.Models;

/// <summary>A tensor as a GGUF file describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Size">Its dimensions, the contiguous one first.</param>
/// <param name="Type">Its ggml_type.</param>
internal sealed record GgufTensor(string Name, ulong[] Size, uint Type)
{
    /// <summary>How many matrices it has.</summary>
    public ulong Matrices => Size.Skip(2).Aggregate(1UL, static (all, size) => unchecked(all * size));
}

/// <summary>
/// Looks at a GGUF file before llama.cpp does, which asserts some of what it should look at, and an assertion ends the
/// process. Stateless.
/// </summary>
internal sealed class GgufHeader
{
    private const uint StringType = 8;
    private const uint ArrayType = 9;
    private const int CountsAt = 8;
    private const int MostDimensions = 4;

    private readonly List<GgufTensor> _tensors = [];

    private GgufHeader()
    {
    }

    /// <summary>Whether a token is there twice.</summary>
    public bool HasTokenTwice { get; private set; }

    /// <summary>Its tensors; as many as could be read.</summary>
    public IReadOnlyList<GgufTensor> Tensors => _tensors;

    /// <summary>
    /// Reads what can be read. Of a file that does not parse that is a part: llama.cpp says what is wrong with it.
    /// </summary>
    public static GgufHeader Read(string path)
    {
        var header = new GgufHeader();
        try
        {
            using var reader = new BinaryReader(File.OpenRead(path));
            header.Read(reader);
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            // Refused by llama.cpp.
        }

        return header;
    }

    private void Read(BinaryReader reader)
    {
        reader.BaseStream.Position = CountsAt;
        var tensors = reader.ReadUInt64();
        for (var left = reader.ReadUInt64(); left > 0; left--) ReadValue(reader);
        for (; tensors > 0; tensors--)
        {
            var name = Encoding.UTF8.GetString(Text(reader));
            var dimensions = reader.ReadUInt32();
            if (dimensions > MostDimensions) throw new InvalidDataException("a tensor of too many dimensions");
            var size = new ulong[dimensions];
            for (var i = 0; i < size.Length; i++) size[i] = reader.ReadUInt64();
            _tensors.Add(new(name, size, reader.ReadUInt32()));
            reader.ReadUInt64(); // where it is
        }
    }

    private void ReadValue(BinaryReader reader)
    {
        var key = Encoding.UTF8.GetString(Text(reader));
        var type = reader.ReadUInt32();
        if (type != ArrayType)
        {
            Skip(reader, type);
            return;
        }

        var element = reader.ReadUInt32();
        var count = reader.ReadUInt64();
        var seen = key == "tokenizer.ggml.tokens" ? new HashSet<string>(StringComparer.Ordinal) : null;
        for (var i = 0UL; i < count; i++)
        {
            if (seen is null || element != StringType) Skip(reader, element);
            else HasTokenTwice |= !seen.Add(Encoding.Latin1.GetString(Text(reader)));
        }
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
