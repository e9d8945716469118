using System.Globalization;

namespace AgentRuntime.Abstractions;

/// <summary>
/// A stable code for a refusal or failure, <c>AR</c> and four digits. Each has a page in
/// <c>runtime/docs/errors/</c>. Codes are never reused. The thousands digit names the area: 1 edge and identity,
/// 2 policy, 3 sandbox, 4 inference, 5 tools, 6 quota, 7 runs, 8 configuration and storage.
/// </summary>
public readonly record struct ReasonCode
{
    private readonly ushort _number;

    /// <summary>Wraps the four digits.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not within 1000..8999.</exception>
    public ReasonCode(int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1000);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, 8999);
        _number = (ushort)number;
    }

    /// <summary>The four digits; 0 for the invalid <c>default</c>.</summary>
    public int Number => _number;

    /// <summary>Reads <c>AR</c> and four digits.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static ReasonCode Parse(string text) =>
        text is { Length: 6 } && text.StartsWith("AR", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number is >= 1000 and <= 8999
            ? new(number)
            : throw new FormatException("expected 'AR' and four digits");

    /// <inheritdoc/>
    public override string ToString() =>
        _number == 0
            ? throw new InvalidOperationException("a default reason code names nothing")
            : string.Create(CultureInfo.InvariantCulture, $"AR{_number:D4}");
}
