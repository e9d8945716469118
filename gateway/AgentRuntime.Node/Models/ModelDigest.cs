using System.Buffers.Binary;
using System.Security.Cryptography;

namespace AgentRuntime.Node.Models;

/// <summary>
/// The content address of a model file: what two nodes compare before they exchange KV state. The whole file up to
/// 256 MiB; of larger files the size, the first 16 MiB (metadata and vocabulary) and 64 samples of 64 KiB, so that
/// starting a node does not read a file of many gigabytes twice.
/// </summary>
internal static class ModelDigest
{
    private const long WholeUpToBytes = 256L << 20;
    private const int HeadBytes = 16 << 20;
    private const int SampleBytes = 64 << 10;
    private const int Samples = 64;

    public static string Compute(string path)
    {
        using var file = File.OpenRead(path);
        if (file.Length <= WholeUpToBytes) return Convert.ToHexStringLower(SHA256.HashData(file));

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> size = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, file.Length);
        hash.AppendData(size);
        var buffer = new byte[HeadBytes];
        Append(file, 0, buffer, hash);
        for (var i = 0; i < Samples; i++)
            Append(file, HeadBytes + ((file.Length - HeadBytes - SampleBytes) / Samples * i), buffer.AsSpan(0,
                SampleBytes), hash);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(FileStream file, long offset, Span<byte> buffer, IncrementalHash hash)
    {
        file.Position = offset;
        file.ReadExactly(buffer);
        hash.AppendData(buffer);
    }
}
