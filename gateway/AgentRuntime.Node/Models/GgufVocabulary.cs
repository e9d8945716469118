using System.Buffers.Binary;

namespace AgentRuntime.Node.Models;

/// <summary>
/// Copies a GGUF file's metadata, without its tensors: what llama.cpp loads as a vocabulary (ggml: docs/gguf.md).
/// Stateless.
/// </summary>
internal static class GgufVocabulary
{
    private const uint Magic = 0x46554747;
    private const int HeaderBytes = 24;
    private const uint StringType = 8;
    private const uint ArrayType = 9;
    private const long MostBytes = 256 << 20;

    /// <summary>Bytes of a value by its type; 0 where the value says how long it is.</summary>
    private static ReadOnlySpan<byte> Sizes => [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

    /// <exception cref="InvalidDataException">The file is not GGUF of version 2 or later.</exception>
    public static void Copy(string path, Stream target)
    {
        using var file = File.OpenRead(path);
        var header = new byte[HeaderBytes];
        file.ReadExactly(header);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(4)) < 2)
            throw new InvalidDataException("the model is not GGUF of version 2 or later");
        var values = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(16));
        for (var i = 0UL; i < values; i++)
        {
            Skip(file, Number(file)); // the key
            SkipValue(file, Type(file));
        }

        var end = file.Position;
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), 0); // no tensors
        target.Write(header);
        file.Position = HeaderBytes;
        var buffer = new byte[64 << 10];
        while (file.Position < end)
        {
            var count = (int)Math.Min(buffer.Length, end - file.Position);
            file.ReadExactly(buffer, 0, count);
            target.Write(buffer, 0, count);
        }

        // The section of tensors begins at a multiple of 32 bytes, also when it is empty.
        target.Write(new byte[(32 - (int)(end % 32)) % 32]);
    }

    private static void SkipValue(Stream file, uint type)
    {
        if (type == StringType)
        {
            Skip(file, Number(file));
            return;
        }

        if (type != ArrayType)
        {
            Skip(file, Size(type));
            return;
        }

        var element = Type(file);
        var count = Number(file);
        if (element == ArrayType) throw new InvalidDataException("the metadata nests arrays");
        if (element != StringType)
        {
            Skip(file, checked(count * Size(element)));
            return;
        }

        for (var i = 0UL; i < count; i++) Skip(file, Number(file));
    }

    private static ulong Size(uint type) =>
        type < Sizes.Length && Sizes[(int)type] > 0
            ? Sizes[(int)type]
            : throw new InvalidDataException("the metadata has a value of an unknown type");

    private static uint Type(Stream file)
    {
        Span<byte> bytes = stackalloc byte[4];
        file.ReadExactly(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    private static ulong Number(Stream file)
    {
        Span<byte> bytes = stackalloc byte[8];
        file.ReadExactly(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private static void Skip(Stream file, ulong bytes)
    {
        if (bytes > MostBytes || file.Position + (long)bytes > file.Length || file.Position > MostBytes)
            throw new InvalidDataException("the metadata is longer than it may be");
        file.Position += (long)bytes;
    }
}
