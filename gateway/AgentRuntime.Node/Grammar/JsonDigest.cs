using System.Numerics;
using System.Security.Cryptography;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// What tells JSON values apart, in 128 bits that differ from process to process: nobody can write two different values
/// with one digest but by chance, and then only one of them could not be written. Immutable.
/// </summary>
internal readonly record struct JsonDigest(ulong High, ulong Low)
{
    private static readonly ulong[] Keys = [.. Enumerable.Range(0, 4).Select(_ =>
        BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1)];

    /// <summary>Of nothing yet, of a kind of values.</summary>
    public static JsonDigest Of(char kind) => new JsonDigest(Keys[0], Keys[1]).With(kind);

    /// <summary>Goes on with what comes next.</summary>
    public JsonDigest With(ulong next)
    {
        var high = BitOperations.RotateLeft(High ^ next, 27) * Keys[2];
        var low = (BitOperations.RotateLeft(Low + next, 31) ^ (high >> 29)) * Keys[3];
        return new(high ^ (high >> 32), low ^ (low >> 31));
    }

    /// <summary>Goes on with another value.</summary>
    public JsonDigest With(JsonDigest value) => With(value.High).With(value.Low);

    /// <summary>With another one, whichever of them came first.</summary>
    public JsonDigest And(JsonDigest other) => new(unchecked(High + other.High), unchecked(Low + other.Low));

    /// <summary>What it was before <see cref="And"/>.</summary>
    public JsonDigest Less(JsonDigest other) => new(unchecked(High - other.High), unchecked(Low - other.Low));
}
