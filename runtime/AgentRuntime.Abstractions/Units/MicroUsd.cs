using System.Globalization;

namespace AgentRuntime.Abstractions;

/// <summary>An amount of money in millionths of a US dollar, never negative: money is counted in integers.</summary>
public readonly record struct MicroUsd : IComparable<MicroUsd>
{
    /// <summary>Wraps an amount.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The amount is negative.</exception>
    public MicroUsd(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Value = value;
    }

    /// <summary>Millionths of a US dollar.</summary>
    public long Value { get; }

    /// <summary>Adds; throws on overflow.</summary>
    public static MicroUsd operator +(MicroUsd left, MicroUsd right) => new(checked(left.Value + right.Value));

    /// <inheritdoc/>
    public int CompareTo(MicroUsd other) => Value.CompareTo(other.Value);

    /// <summary>The amount in dollars with six decimals, such as <c>$0.001250</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"${Value / 1_000_000}.{Value % 1_000_000:D6}");
}
