using System.Text;

namespace AgentRuntime.Node.Simulation;

/// <summary>
/// Tokens without a model: three plain characters are one token, any other byte is one. It is exact both ways, stable
/// under extension of a text, and about as dense as a real vocabulary. A line starts anew, so that an answer after a
/// chat template has the same tokens when it is read back as text. Stateless and thread-safe.
/// </summary>
internal static class SimulatedVocabulary
{
    private const string Plain = "abcdefghijklmnopqrstuvwxyz0123456789 .,";
    private const int Bytes = 256;
    private const int Base = 39;
    private const int Triples = Base * Base * Base;

    /// <summary>Begins a turn of a conversation.</summary>
    public const int TurnStart = Bytes + Triples;

    /// <summary>Ends a turn, and an answer.</summary>
    public const int TurnEnd = TurnStart + 1;

    public const int Size = TurnEnd + 1;

    public const string TurnStartText = "<|im_start|>";
    public const string TurnEndText = "<|im_end|>";

    private static readonly sbyte[] Index = BuildIndex();
    private static readonly byte[][] Pieces = BuildPieces();

    /// <summary>
    /// The tokens of every answer, in a circle: the next token depends on the last one only, so that an answer that is
    /// continued on another node goes on as it would have.
    /// </summary>
    private static readonly int[] Circle = BuildCircle(
        "this text has no meaning, a simulated node wrote it at the speed that its options ask for. ");

    private static readonly Dictionary<int, int> Successors =
        Circle.Index().ToDictionary(c => c.Item, c => Circle[(c.Index + 1) % Circle.Length]);

    /// <summary>What follows a token in an answer.</summary>
    public static int Successor(int token) =>
        Successors.TryGetValue(token, out var next) ? next : Circle[token % Circle.Length];

    /// <summary>The bytes that a token adds to a text; empty for control tokens.</summary>
    public static ReadOnlySpan<byte> Piece(int token) => Pieces[token];

    public static int[] Tokenize(string text, bool parseSpecial)
    {
        var tokens = new List<int>((text.Length / 2) + 4);
        var at = 0;
        while (parseSpecial && at < text.Length)
        {
            var start = text.IndexOf("<|im_", at, StringComparison.Ordinal);
            if (start < 0) break;
            var special = text.AsSpan(start) switch
            {
                var s when s.StartsWith(TurnStartText, StringComparison.Ordinal) => TurnStart,
                var s when s.StartsWith(TurnEndText, StringComparison.Ordinal) => TurnEnd,
                _ => -1,
            };
            var end = special < 0 ? start + 5 : start;
            AddText(tokens, text.AsSpan(at, end - at));
            at = end;
            if (special < 0) continue;
            tokens.Add(special);
            at += special == TurnStart ? TurnStartText.Length : TurnEndText.Length;
        }

        AddText(tokens, text.AsSpan(at));
        return [.. tokens];
    }

    private static void AddText(List<int> tokens, ReadOnlySpan<char> text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        for (var i = 0; i < bytes.Length;)
        {
            if (i + 2 < bytes.Length && Index[bytes[i]] >= 0 && Index[bytes[i + 1]] >= 0 && Index[bytes[i + 2]] >= 0)
            {
                var (a, b, c) = (Index[bytes[i]], Index[bytes[i + 1]], Index[bytes[i + 2]]);
                tokens.Add(Bytes + (((a * Base) + b) * Base) + c);
                i += 3;
            }
            else
            {
                tokens.Add(bytes[i++]);
            }
        }
    }

    private static sbyte[] BuildIndex()
    {
        var index = new sbyte[256];
        Array.Fill(index, (sbyte)-1);
        for (var i = 0; i < Plain.Length; i++) index[Plain[i]] = (sbyte)i;
        return index;
    }

    private static byte[][] BuildPieces()
    {
        var pieces = new byte[Size][];
        for (var b = 0; b < Bytes; b++) pieces[b] = [(byte)b];
        for (var t = 0; t < Triples; t++)
            pieces[Bytes + t] = [(byte)Plain[t / (Base * Base)], (byte)Plain[t / Base % Base], (byte)Plain[t % Base]];
        pieces[TurnStart] = pieces[TurnEnd] = [];
        return pieces;
    }

    private static int[] BuildCircle(string text) =>
        [.. Tokenize(text[..^(text.Length % 3)], parseSpecial: false).Distinct()];
}
