using System.Globalization;
using System.Text;

namespace AgentRuntime.Node.Grammar;

/// <summary>
/// Numbers between bounds, as decimals without exponents, as an expression of a grammar. Stateless.
/// </summary>
internal static class NumberGrammar
{
    /// <summary>Digits before the point, as <see cref="BasicRules"/> has them.</summary>
    private const int MostDigits = 16;

    /// <summary>Digits behind the point of what is between a bound and the next whole number.</summary>
    private const int LeastPlaces = 6;

    private const int MostPlaces = 12;

    private const decimal Most = 9_999_999_999_999_999m;

    /// <summary>Whole numbers between bounds, which are among them; null when there is none.</summary>
    public static string? Whole(decimal least, decimal most)
    {
        least = Math.Max(Math.Ceiling(least), -Most);
        most = Math.Min(Math.Floor(most), Most);
        if (least > most) return null;
        List<string> forms = [];
        if (least < 0) forms.Add($"\"-\" {Digits(Math.Max(1, -most), -least)}");
        if (least <= 0 && most >= 0) forms.Add("\"0\"");
        if (most > 0) forms.Add(Digits(Math.Max(1, least), most));
        return $"({string.Join(" | ", forms)})";
    }

    /// <summary>Numbers between bounds; null when there is none.</summary>
    /// <param name="least">The lower bound.</param>
    /// <param name="isAbove">Whether it is not among them.</param>
    /// <param name="most">The upper bound.</param>
    /// <param name="isBelow">Whether that is not among them.</param>
    public static string? Any(decimal least, bool isAbove, decimal most, bool isBelow)
    {
        List<string> forms = [];
        // Zero comes with the positive ones, unless only the negative ones have it.
        if (least < 0 && Positive(Math.Max(0, -most), isBelow || most >= 0, -least, isAbove) is { } negative)
            forms.Add($"\"-\" {negative}");
        if (most >= 0 && Positive(Math.Max(0, least), isAbove && least >= 0, most, isBelow) is { } positive)
            forms.Add(positive);
        return forms.Count == 0 ? null : $"({string.Join(" | ", forms)})";
    }

    private static string? Positive(decimal least, bool isAbove, decimal most, bool isBelow)
    {
        least = Math.Min(least, Most);
        if (most > Most) (most, isBelow) = (Most, false);
        if (least > most) return null;
        List<string> forms = [];
        var (first, last) = (Math.Floor(least), Math.Floor(most));
        if (first == last)
        {
            Add(first, Places(least - first, isAbove, most - first, isBelow));
        }
        else
        {
            Add(first, Places(least - first, isAbove, 1, isBelow: true));
            if (last - first > 1) forms.Add($"{Natural(first + 1, last - 1)} (\".\" [0-9]{{1,15}})?");
            Add(last, Places(0, isAbove: false, most - last, isBelow));
        }

        return forms.Count == 0 ? null : $"({string.Join(" | ", forms)})";

        void Add(decimal whole, string? places)
        {
            if (places is not null) forms.Add($"\"{Text(whole)}\" {places}");
        }
    }

    /// <summary>Digits behind the point, with it, of fractions between bounds; null when there is none.</summary>
    private static string? Places(decimal least, bool isAbove, decimal most, bool isBelow)
    {
        List<string> forms = [];
        if (least == 0 && !isAbove && (most > 0 || !isBelow)) forms.Add("\"\"");
        var places = Math.Clamp(Math.Max(least.Scale, most.Scale) + 2, LeastPlaces, MostPlaces);
        for (var (i, unit) = (1, 10m); i <= places; i++, unit *= 10)
        {
            var from = isAbove ? Math.Floor(least * unit) + 1 : Math.Ceiling(least * unit);
            var to = isBelow ? Math.Ceiling(most * unit) - 1 : Math.Floor(most * unit);
            if (from <= to && to < unit) forms.Add($"\".\" {SameLength(Text(from, i), Text(to, i))}");
        }

        return forms.Count == 0 ? null : $"({string.Join(" | ", forms)})";
    }

    private static string Natural(decimal least, decimal most) =>
        least == 0 ? most == 0 ? "\"0\"" : $"(\"0\" | {Digits(1, most)})" : Digits(least, most);

    /// <summary>Whole numbers from 1 on.</summary>
    private static string Digits(decimal least, decimal most)
    {
        var (shortest, longest) = (Text(least).Length, Text(most).Length);
        if (shortest == longest) return SameLength(Text(least), Text(most));
        List<string> forms = [];
        // Lengths of which all numbers fit are said at once.
        var (from, to) = (shortest, longest);
        if (least != Power(shortest)) forms.Add(SameLength(Text(least), new('9', from++)));
        if (most + 1 != Power(longest + 1)) forms.Add(SameLength(Text(Power(to--)), Text(most)));
        if (from <= to) forms.Add(string.Create(CultureInfo.InvariantCulture, $"[1-9] [0-9]{{{from - 1},{to - 1}}}"));
        return $"({string.Join(" | ", forms)})";
    }

    /// <summary>Digits of one length, from a text of them to another.</summary>
    private static string SameLength(string least, string most)
    {
        var alike = least.AsSpan().CommonPrefixLength(most);
        var text = new StringBuilder("(").Append(alike > 0 ? $"\"{least[..alike]}\" " : "");
        if (alike == least.Length) return text.Append(')').ToString();
        var (first, last, rest) = (least[alike], most[alike], least.Length - alike - 1);
        List<string> forms = [];
        if (!least.AsSpan(alike + 1).ContainsAnyExcept('0')) first--;
        else forms.Add($"\"{first}\" {SameLength(least[(alike + 1)..], new('9', rest))}");
        if (!most.AsSpan(alike + 1).ContainsAnyExcept('9')) last++;
        else forms.Add($"\"{last}\" {SameLength(new('0', rest), most[(alike + 1)..])}");
        if (last - first > 1)
            forms.Add($"[{(char)(first + 1)}-{(char)(last - 1)}]{(rest > 0 ? $" [0-9]{{{rest}}}" : "")}");
        return text.Append('(').AppendJoin(" | ", forms).Append("))").ToString();
    }

    private static decimal Power(int digits)
    {
        var power = 1m;
        for (var i = 1; i < digits; i++) power *= 10;
        return power;
    }

    private static string Text(decimal whole, int digits = 1) =>
        decimal.Truncate(whole).ToString(new string('0', digits), CultureInfo.InvariantCulture);
}
