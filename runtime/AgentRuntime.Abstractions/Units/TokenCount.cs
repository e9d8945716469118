using System.Globalization;

namespace AgentRuntime.Abstractions;

/// <summary>A number of model tokens, never negative.</summary>
public readonly record struct TokenCount : IComparable<TokenCount>
{
    /// <summary>Wraps a count.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is negative.</exception>
    public TokenCount(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Value = value;
    }

    /// <summary>The count.</summary>
    public long Value { get; }

    /// <summary>Adds; throws on overflow.</summary>
    public static TokenCount operator +(TokenCount left, TokenCount right) => new(checked(left.Value + right.Value));

    /// <inheritdoc/>
    public int CompareTo(TokenCount other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
