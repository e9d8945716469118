namespace AgentRuntime.Node.Grammar;

/// <summary>
/// A regular expression (ECMA-262) with all that it asks of places and looks ahead to, as one of
/// <see cref="RegularExpressions"/>. Stateless.
/// </summary>
internal static class PatternLanguage
{
    /// <summary>What is before a place.</summary>
    private enum Before
    {
        /// <summary>Nothing.</summary>
        Start,

        /// <summary>A character of a word.</summary>
        Word,

        /// <summary>Another character.</summary>
        Other,

        /// <summary>Some character.</summary>
        Any,

        /// <summary>Some character or nothing.</summary>
        Unknown,
    }

    /// <summary>Texts that are of a pattern from end to end.</summary>
    /// <exception cref="FormatException">It asks for a place of which this cannot be said.</exception>
    public static int Whole(RegularExpressions expressions, PatternReader pattern) =>
        new Builder(expressions).Of(pattern.Whole, RegularExpressions.Empty, Before.Start);

    /// <summary>Texts that have a pattern somewhere, or where it is anchored.</summary>
    /// <exception cref="FormatException">As of <see cref="Whole"/>.</exception>
    public static int Part(RegularExpressions expressions, PatternReader pattern)
    {
        const int All = RegularExpressions.All;
        var builder = new Builder(expressions);
        if (!PatternReader.Asks(pattern.Whole))
            return expressions.Sequence(All, builder.Of(pattern.Whole, All, Before.Unknown));
        return expressions.Or(
            builder.Of(pattern.Whole, All, Before.Start),
            expressions.Sequence(All, expressions.Sequence(
                builder.Words, builder.Of(pattern.Whole, All, Before.Word))),
            expressions.Sequence(All, expressions.Sequence(
                builder.Others, builder.Of(pattern.Whole, All, Before.Other))));
    }

    private sealed class Builder(RegularExpressions expressions)
    {
        public int Words { get; } = expressions.Set(GbnfCharacters.All(PatternReader.Words));

        public int Others { get; } = expressions.Set(GbnfCharacters.Others(PatternReader.Words));

        /// <summary>What comes from a place on: a part, and the rest behind it.</summary>
        public int Of(PatternPart part, int rest, Before before)
        {
            switch (part)
            {
                case PatternPart.Set set:
                    return expressions.Sequence(expressions.Set(set.Ranges), rest);
                case PatternPart.Sequence sequence:
                    var befores = new Before[sequence.Parts.Count];
                    for (var i = 0; i < befores.Length; i++)
                        befores[i] = i == 0 ? before : After(sequence.Parts[i - 1], befores[i - 1]);
                    for (var i = befores.Length - 1; i >= 0; i--) rest = Of(sequence.Parts[i], rest, befores[i]);
                    return rest;
                case PatternPart.Choice choice:
                    return expressions.Or([.. choice.Parts.Select(p => Of(p, rest, before))]);
                case PatternPart.Repeated { Most: 1 } optional when PatternReader.Asks(optional.Part):
                    var once = Of(optional.Part, rest, before);
                    return optional.Least == 1 ? once : expressions.Or(once, rest);
                case PatternPart.Repeated repeated when !PatternReader.Asks(repeated.Part):
                    var one = Of(repeated.Part, RegularExpressions.Empty, before);
                    return expressions.Sequence(expressions.Repeated(one, repeated.Least, repeated.Most), rest);
                case PatternPart.Ahead ahead:
                    var seen = Of(ahead.Part, RegularExpressions.All, before);
                    return expressions.And(ahead.IsNot ? expressions.Not(seen) : seen, rest);
                case PatternPart.At at:
                    return At(at.Place, rest, before);
                default:
                    throw new FormatException();
            }
        }

        private int At(PatternPlace place, int rest, Before before)
        {
            if (place == PatternPlace.End)
                return expressions.MayBeEmpty(rest) ? RegularExpressions.Empty : RegularExpressions.None;
            if (place == PatternPlace.Start)
            {
                return before switch
                {
                    Before.Start => rest,
                    Before.Unknown => throw new FormatException(),
                    _ => RegularExpressions.None,
                };
            }

            if (before is Before.Any or Before.Unknown) throw new FormatException();
            var word = expressions.Sequence(Words, RegularExpressions.All);
            return expressions.And(
                (before == Before.Word) == (place == PatternPlace.WordBound) ? expressions.Not(word) : word, rest);
        }

        private static Before After(PatternPart part, Before before) => part switch
        {
            PatternPart.Set set => Last(set.Ranges),
            PatternPart.Sequence sequence => sequence.Parts.Aggregate(before, (b, p) => After(p, b)),
            PatternPart.Choice choice => choice.Parts.Select(p => After(p, before)).Aggregate(Either),
            PatternPart.Repeated { Least: 0 } some => Either(before, After(some.Part, before)),
            PatternPart.Repeated some => After(some.Part, before),
            _ => before,
        };

        private static Before Last(int[] ranges)
        {
            var words = GbnfCharacters.Others(
                [.. GbnfCharacters.Pairs(GbnfCharacters.Others(PatternReader.Words)),
                    .. GbnfCharacters.Pairs(GbnfCharacters.Others(GbnfCharacters.Pairs(ranges)))]);
            return words.Length == 0 ? Before.Other : words.AsSpan().SequenceEqual(ranges) ? Before.Word : Before.Any;
        }

        private static Before Either(Before a, Before b) =>
            a == b ? a : a is Before.Start or Before.Unknown || b is Before.Start or Before.Unknown
                ? Before.Unknown : Before.Any;
    }
}
