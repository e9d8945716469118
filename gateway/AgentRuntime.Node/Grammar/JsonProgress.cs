namespace AgentRuntime.Node.Grammar;

/// <summary>
/// What a text of JSON has come to, as far as it takes to say whether an item that ends is equal to one before it in
/// its array, or a name to one before it in its object (JSON Schema 2020-12, core, 4.2.2). Follows texts that a
/// grammar takes; what is no JSON outside of them is passed over. Immutable.
/// </summary>
internal readonly record struct JsonProgress
{
    private enum Within { Nothing, Text, Number, Word }

    private Within At { get; init; }

    private JsonText Text { get; init; }

    private JsonNumber Number { get; init; }

    /// <summary>Letters that are to come of true, false or null.</summary>
    private int LettersLeft { get; init; }

    private JsonDigest Word { get; init; }

    /// <summary>What has ended with the last byte; null for nothing.</summary>
    private JsonDigest? Ended { get; init; }

    /// <summary>Whether that is a name.</summary>
    private bool IsName { get; init; }

    /// <summary>Whether others must differ from the number, should it end here.</summary>
    private bool IsNumberMarked { get; init; }

    /// <summary>Whether it is within a string.</summary>
    public bool IsWithinText => At == Within.Text;

    /// <summary>The innermost array or object; null for none.</summary>
    public JsonFrame? Frame { get; private init; }

    /// <summary>Whether what has ended, or may, must differ from what comes after it.</summary>
    public bool IsMarked { get; private init; }

    /// <summary>Whether what has ended, or may, is equal to what came before.</summary>
    public bool IsRepeated => Frame is { } frame && (At == Within.Number ? frame.Items.Contains(Number.Value)
        : Ended is { } value && (IsName ? frame.Has(value) : frame.Items.Contains(value)));

    /// <summary>As it is where what has ended, or may, must differ from what comes after it.</summary>
    public JsonProgress Marked() => At == Within.Number ? this with { IsNumberMarked = true, IsMarked = true }
        : Ended is not { } value || Frame is not { } frame ? this
        : this with { Frame = IsName ? frame with { TellsNames = true } : frame.Marked(value), IsMarked = true };

    /// <summary>Goes on with a byte.</summary>
    public JsonProgress Step(byte part)
    {
        if (At == Within.Number)
        {
            if (JsonNumber.Has(part))
                return this with { Number = Number.Step(part), IsNumberMarked = false, IsMarked = false };
            var frame = IsNumberMarked ? Frame?.Marked(Number.Value) : Frame;
            return new JsonProgress { Frame = frame?.With(Number.Value) }.Begin(part);
        }

        if (At == Within.Text)
        {
            return part != (byte)'"' || Text.IsEscaped ? this with { Text = Text.Step(part) }
                : Frame is { IsArray: false, Name: null } named
                    ? new() { Frame = named with { Name = Text.Value }, Ended = Text.Value, IsName = true }
                    : End(Frame, Text.Value);
        }

        if (At != Within.Word) return new JsonProgress { Frame = Frame }.Begin(part);
        var word = Word.With(part);
        return LettersLeft == 1 ? End(Frame, word) : this with { Word = word, LettersLeft = LettersLeft - 1 };
    }

    private JsonProgress Begin(byte part) => part switch
    {
        (byte)'"' => this with { At = Within.Text, Text = JsonText.Empty },
        (byte)'[' => new() { Frame = JsonFrame.Array(Frame) },
        (byte)'{' => new() { Frame = JsonFrame.Object(Frame) },
        (byte)']' or (byte)'}' when Frame is { } frame => End(frame.Parent, frame.Value),
        _ when Frame is null => this,
        (byte)'-' or (>= (byte)'0' and <= (byte)'9') => this with
        {
            At = Within.Number, Number = default(JsonNumber).Step(part),
        },
        (byte)'t' or (byte)'n' or (byte)'f' => this with
        {
            At = Within.Word, Word = JsonDigest.Of((char)part), LettersLeft = part == (byte)'f' ? 4 : 3,
        },
        _ => this,
    };

    private static JsonProgress End(JsonFrame? frame, JsonDigest value) =>
        new() { Frame = frame?.With(value), Ended = value };
}
