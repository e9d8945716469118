using System.Globalization;

namespace AgentRuntime.Abstractions;

/// <summary>A size in bytes, never negative.</summary>
public readonly record struct ByteCount : IComparable<ByteCount>
{
    /// <summary>Wraps a size.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is negative.</exception>
    public ByteCount(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Value = value;
    }

    /// <summary>The size in bytes.</summary>
    public long Value { get; }

    /// <summary>A size given in mebibytes (2^20 bytes).</summary>
    public static ByteCount FromMebibytes(long mebibytes) => new(checked(mebibytes * (1L << 20)));

    /// <inheritdoc/>
    public int CompareTo(ByteCount other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Value} bytes");
}
