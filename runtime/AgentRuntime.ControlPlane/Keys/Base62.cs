namespace AgentRuntime.ControlPlane;

/// <summary>Fixed-width base-62 numbers, most significant digit first. Stateless.</summary>
internal static class Base62
{
    public const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>What can be multiplied by 62.</summary>
    private static readonly UInt128 Most = UInt128.MaxValue / 62;

    public static void Write(UInt128 value, Span<char> destination)
    {
        for (var i = destination.Length - 1; i >= 0; i--)
        {
            (value, var digit) = UInt128.DivRem(value, 62);
            destination[i] = Digits[(int)digit];
        }
        if (value != UInt128.Zero)
            throw new ArgumentException("the number does not fit", nameof(destination));
    }

    /// <summary>False when a character is no digit or the number exceeds 128 bits.</summary>
    public static bool TryRead(ReadOnlySpan<char> text, out UInt128 value)
    {
        value = default;
        var sum = UInt128.Zero;
        foreach (var c in text)
        {
            var digit = Digits.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0 || sum > Most)
                return false;
            sum *= 62;
            if (sum > UInt128.MaxValue - (uint)digit)
                return false;
            sum += (uint)digit;
        }

        value = sum;
        return true;
    }
}
