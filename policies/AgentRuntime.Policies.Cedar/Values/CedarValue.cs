using System.Diagnostics.CodeAnalysis;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// A Cedar value in 16 bytes: scalars are held in place, the rest by reference to an immutable object.
/// Immutable and thread-safe. <c>default</c> is no value.
/// </summary>
public readonly struct CedarValue : IEquatable<CedarValue>
{
    // A scalar carries its kind in the object, a reference value carries it in the number.
    private sealed class ScalarTag(CedarValueKind kind)
    {
        public readonly CedarValueKind Kind = kind;
    }

    private static readonly ScalarTag BoolTag = new(CedarValueKind.Bool);
    private static readonly ScalarTag LongTag = new(CedarValueKind.Long);
    private static readonly ScalarTag DecimalTag = new(CedarValueKind.Decimal);
    private static readonly ScalarTag DatetimeTag = new(CedarValueKind.Datetime);
    private static readonly ScalarTag DurationTag = new(CedarValueKind.Duration);

    private readonly object? _reference;
    private readonly long _bits;

    private CedarValue(object reference, long bits)
    {
        _reference = reference;
        _bits = bits;
    }

    /// <summary>The value <c>true</c>.</summary>
    public static CedarValue True { get; } = new(BoolTag, 1);

    /// <summary>The value <c>false</c>.</summary>
    public static CedarValue False { get; } = new(BoolTag, 0);

    /// <summary>The type of this value.</summary>
    public CedarValueKind Kind => _reference is ScalarTag tag ? tag.Kind : (CedarValueKind)_bits;

    internal bool IsNone => _reference is null;

    internal bool IsLong => ReferenceEquals(_reference, LongTag);

    internal long Bits => _bits;

    internal object? Reference => _reference;

    /// <summary>What looking at all of it takes: its characters and members.</summary>
    internal long Weight => _reference switch
    {
        string text => text.Length + 1L,
        CedarSet set => set.Weight,
        CedarRecord record => record.Weight,
        _ => 1,
    };

    public static CedarValue Bool(bool value) => value ? True : False;

    public static CedarValue Long(long value) => new(LongTag, value);

    public static CedarValue String(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(value, (long)CedarValueKind.String);
    }

    public static CedarValue Entity(EntityUid value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(value, (long)CedarValueKind.Entity);
    }

    public static CedarValue Set(CedarSet value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(value, (long)CedarValueKind.Set);
    }

    public static CedarValue Set(params ReadOnlySpan<CedarValue> values) => Set(CedarSet.Create(values));

    public static CedarValue Record(CedarRecord value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(value, (long)CedarValueKind.Record);
    }

    public static CedarValue IpAddress(CedarIpAddress value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return new(value, (long)CedarValueKind.IpAddress);
    }

    /// <summary>A Cedar decimal from its count of ten-thousandths.</summary>
    public static CedarValue DecimalFromTenThousandths(long value) => new(DecimalTag, value);

    /// <summary>A Cedar datetime from milliseconds since the Unix epoch.</summary>
    public static CedarValue DatetimeFromMilliseconds(long value) => new(DatetimeTag, value);

    public static CedarValue Datetime(DateTimeOffset value) => DatetimeFromMilliseconds(value.ToUnixTimeMilliseconds());

    /// <summary>A Cedar duration from milliseconds.</summary>
    public static CedarValue DurationFromMilliseconds(long value) => new(DurationTag, value);

    /// <summary>A Cedar duration; what is below a millisecond is cut off.</summary>
    public static CedarValue Duration(TimeSpan value) =>
        DurationFromMilliseconds(value.Ticks / TimeSpan.TicksPerMillisecond);

    /// <summary>A Cedar decimal; false when it needs more than four fractional digits or is out of range.</summary>
    public static bool TryDecimal(decimal value, out CedarValue result)
    {
        result = default;
        if (value is > 922337203685477.5807m or < -922337203685477.5808m) return false;
        var scaled = value * 10000m;
        if (scaled != decimal.Truncate(scaled)) return false;
        result = DecimalFromTenThousandths((long)scaled);
        return true;
    }

    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public bool AsBool() => ReferenceEquals(_reference, BoolTag) ? _bits != 0 : throw Mismatch(CedarValueKind.Bool);

    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public long AsLong() => IsLong ? _bits : throw Mismatch(CedarValueKind.Long);

    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public string AsString() => _reference as string ?? throw Mismatch(CedarValueKind.String);

    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public EntityUid AsEntity() => _reference as EntityUid ?? throw Mismatch(CedarValueKind.Entity);

    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public CedarSet AsSet() => _reference as CedarSet ?? throw Mismatch(CedarValueKind.Set);

    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public CedarRecord AsRecord() => _reference as CedarRecord ?? throw Mismatch(CedarValueKind.Record);

    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public CedarIpAddress AsIpAddress() => _reference as CedarIpAddress ?? throw Mismatch(CedarValueKind.IpAddress);

    /// <summary>The count of ten-thousandths of a decimal.</summary>
    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public long AsDecimalTenThousandths() =>
        ReferenceEquals(_reference, DecimalTag) ? _bits : throw Mismatch(CedarValueKind.Decimal);

    /// <summary>Milliseconds since the Unix epoch.</summary>
    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public long AsDatetimeMilliseconds() =>
        ReferenceEquals(_reference, DatetimeTag) ? _bits : throw Mismatch(CedarValueKind.Datetime);

    /// <summary>Milliseconds of a duration.</summary>
    /// <exception cref="InvalidOperationException">The value is of another kind.</exception>
    public long AsDurationMilliseconds() =>
        ReferenceEquals(_reference, DurationTag) ? _bits : throw Mismatch(CedarValueKind.Duration);

    public static implicit operator CedarValue(bool value) => Bool(value);

    public static implicit operator CedarValue(long value) => Long(value);

    public static implicit operator CedarValue(string value) => String(value);

    public static implicit operator CedarValue(EntityUid value) => Entity(value);

    public static implicit operator CedarValue(CedarRecord value) => Record(value);

    public static implicit operator CedarValue(CedarSet value) => Set(value);

    public static bool operator ==(CedarValue left, CedarValue right) => left.Equals(right);

    public static bool operator !=(CedarValue left, CedarValue right) => !left.Equals(right);

    /// <summary>Cedar's <c>==</c>: values of different types are unequal, never an error.</summary>
    public bool Equals(CedarValue other)
    {
        if (_bits != other._bits) return false;
        if (ReferenceEquals(_reference, other._reference)) return true;
        return _reference switch
        {
            null or ScalarTag => false,
            string text => other._reference is string otherText && text == otherText,
            _ => other._reference is not null && _reference.Equals(other._reference),
        };
    }

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is CedarValue other && Equals(other);

    public override int GetHashCode() => _reference switch
    {
        null => 0,
        ScalarTag tag => HashCode.Combine((int)tag.Kind, _bits),
        string text => text.GetHashCode(StringComparison.Ordinal),
        _ => _reference.GetHashCode(),
    };

    /// <summary>The value as a Cedar expression.</summary>
    public override string ToString() => ValueText.Write(this);

    private InvalidOperationException Mismatch(CedarValueKind wanted) =>
        new($"The Cedar value is a {Kind}, not a {wanted}.");
}
