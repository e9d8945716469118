using System.Globalization;
using System.Text;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// Text of one UTF-16 unit for each Unicode scalar, for .NET's regular expressions, which see the halves of a
/// surrogate pair and not the letter that they make: a character outside the first plane is replaced by one of the
/// same general category. Positions are mapped back. Immutable.
/// </summary>
internal sealed class ScalarStandIns
{
    private readonly int[]? _positions;

    private ScalarStandIns(string text, int[]? positions)
    {
        Text = text;
        _positions = positions;
    }

    public string Text { get; }

    /// <summary>The position in the original text, in UTF-16 units.</summary>
    public int OriginalOf(int position) => _positions is null ? position : _positions[position];

    public static ScalarStandIns Of(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return new(text, null);
        var result = new StringBuilder(text.Length);
        var positions = new List<int>(text.Length + 1);
        var at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            positions.Add(at);
            result.Append(rune.IsBmp ? (char)rune.Value : StandInOf(Rune.GetUnicodeCategory(rune)));
            at += rune.Utf16SequenceLength;
        }

        positions.Add(at);
        return new(result.ToString(), [.. positions]);
    }

    private static char StandInOf(UnicodeCategory category) => category switch
    {
        UnicodeCategory.UppercaseLetter => '\u0100',
        UnicodeCategory.LowercaseLetter => '\u0101',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.ModifierLetter => '\u02B0',
        UnicodeCategory.OtherLetter => '\u01BB',
        UnicodeCategory.NonSpacingMark => '\u0300',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u0488',
        UnicodeCategory.DecimalDigitNumber => '\u0660',
        UnicodeCategory.LetterNumber => '\u2160',
        UnicodeCategory.OtherNumber => '\u00B2',
        UnicodeCategory.DashPunctuation => '\u2010',
        UnicodeCategory.OtherPunctuation => '\u2016',
        UnicodeCategory.MathSymbol => '\u2200',
        UnicodeCategory.CurrencySymbol => '\u20A0',
        UnicodeCategory.ModifierSymbol => '\u02C2',
        UnicodeCategory.OtherSymbol => '\u2300',
        UnicodeCategory.Format => '\u2060',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\uFFFF',
    };
}
