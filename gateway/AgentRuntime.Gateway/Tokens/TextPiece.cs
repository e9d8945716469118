namespace AgentRuntime.Gateway.Tokens;

/// <summary>A part of a text on its way to tokens. Immutable.</summary>
/// <param name="Text">The text that the part lies in.</param>
/// <param name="Start">Where it begins, in UTF-16 units.</param>
/// <param name="Length">How long it is, in UTF-16 units.</param>
/// <param name="BeginsInput">Whether nothing of the whole input comes before it.</param>
internal readonly record struct TextPiece(string Text, int Start, int Length, bool BeginsInput)
{
    public ReadOnlySpan<char> Span => Text.AsSpan(Start, Length);

    public TextPiece Part(int start, int length) =>
        new(Text, Start + start, length, BeginsInput && start == 0);

    public TextPiece With(string text) => new(text, 0, text.Length, BeginsInput);

    public override string ToString() => Start == 0 && Length == Text.Length ? Text : Text.Substring(Start, Length);
}
