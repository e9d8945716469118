using System.Text.Json;
using System.Text.RegularExpressions;

namespace AgentRuntime.Gateway.Tokens;

/// <summary>
/// A pattern of a tokenizer file, <c>{"String": …}</c> or <c>{"Regex": …}</c>. The expressions are Oniguruma's; those
/// that .NET reads otherwise or not at all are refused. Matching is bounded in time, because the file comes from an
/// engine. Immutable.
/// </summary>
internal sealed class SplitPattern
{
    private const int MostCharacters = 8192;
    private static readonly TimeSpan MatchWithin = TimeSpan.FromSeconds(1);

    private readonly Regex _regex;
    private readonly string? _literal;

    private SplitPattern(string expression, string? literal = null)
    {
        _literal = literal;
        try
        {
            _regex = new(expression, RegexOptions.CultureInvariant | RegexOptions.Compiled, MatchWithin);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"a pattern cannot be read: {e.Message}", e);
        }
    }

    public static SplitPattern OfRegex(string expression) =>
        expression.Length > MostCharacters ? throw new InvalidDataException("a pattern is too long")
        : expression.Contains(@"\h", StringComparison.Ordinal) || expression.Contains("[[", StringComparison.Ordinal)
            || expression.Contains("&&", StringComparison.Ordinal)
            ? throw new InvalidDataException("a pattern uses what only Oniguruma has")
            : new(expression);

    public static SplitPattern OfText(string text) => text.Length is > 0 and <= MostCharacters
        ? new(Regex.Escape(text), text)
        : throw new InvalidDataException("a pattern is empty or too long");

    /// <exception cref="InvalidDataException">The pattern cannot be read.</exception>
    public static SplitPattern Read(JsonElement pattern)
    {
        if (pattern.ValueKind == JsonValueKind.Object && pattern.TryGetProperty("String"u8, out var text))
            return OfText(text.GetString()!);
        if (pattern.ValueKind == JsonValueKind.Object && pattern.TryGetProperty("Regex"u8, out var regex))
            return OfRegex(regex.GetString()!);
        throw new InvalidDataException("a pattern is neither String nor Regex");
    }

    /// <summary>Where the pattern matches, in UTF-16 units, in order; empty matches are left out.</summary>
    /// <exception cref="InvalidDataException">It took too long.</exception>
    public List<(int Start, int End)> Matches(TextPiece piece)
    {
        var text = ScalarStandIns.Of(piece.ToString());
        for (var again = true; ; again = false)
        {
            try
            {
                return Find(text);
            }
            catch (RegexMatchTimeoutException) when (again)
            {
                // Its limit is on the wall clock: a machine that stood still looks like a pattern that runs away, once.
            }
            catch (RegexMatchTimeoutException e)
            {
                throw new InvalidDataException("a pattern takes too long on a text", e);
            }
        }
    }

    /// <exception cref="InvalidDataException">It took too long.</exception>
    public string Replace(string text, string replacement)
    {
        if (_literal is not null)
            return text.Replace(_literal, replacement, StringComparison.Ordinal);
        var result = new System.Text.StringBuilder(text.Length);
        var at = 0;
        foreach (var (start, end) in Matches(new(text, 0, text.Length, BeginsInput: true)))
        {
            result.Append(text, at, start - at).Append(replacement);
            at = end;
        }

        return at == 0 ? text : result.Append(text, at, text.Length - at).ToString();
    }

    private List<(int Start, int End)> Find(ScalarStandIns text)
    {
        var matches = new List<(int, int)>();
        foreach (var match in _regex.EnumerateMatches(text.Text))
        {
            if (match.Length > 0)
                matches.Add((text.OriginalOf(match.Index), text.OriginalOf(match.Index + match.Length)));
        }

        return matches;
    }
}
