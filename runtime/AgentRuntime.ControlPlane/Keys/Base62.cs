using System.Numerics;

namespace AgentRuntime.ControlPlane;

/// <summary>Fixed-width base-62 numbers, most significant digit first. Stateless.</summary>
internal static class Base62
{
    public const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

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
        var sum = BigInteger.Zero;
        foreach (var c in text)
        {
            var digit = Digits.IndexOf(c, StringComparison.Ordinal);
            if (digit < 0)
            {
                value = default;
                return false;
            }
            sum = sum * 62 + digit;
        }
        var fits = sum <= UInt128.MaxValue;
        value = fits ? (UInt128)sum : default;
        return fits;
    }
}
