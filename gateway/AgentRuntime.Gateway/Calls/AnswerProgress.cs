using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// What the client has got of an answer so far, over all the engines that have worked on it: enough to go on
/// elsewhere, and to charge the whole once. One call owns it.
/// </summary>
internal sealed class AnswerProgress(InferenceRequest request, RequestTemplate template)
{
    // No vocabulary in use has a token of more characters; what a client is sent beside its tokens is little.
    private const int CharsOfAToken = 256;
    private const int SpareChars = 64 << 10;

    private readonly StringBuilder _text = new();
    private string? _id;
    private long _created;
    private long _tokensOfThisLeg;
    private long _tokensOfEarlierLegs;
    private bool _onlyText = true;
    private EngineUsage? _usage;

    /// <summary>Whether the client has got a token.</summary>
    public bool Begun { get; private set; }

    public string? FinishReason { get; private set; }

    /// <summary>Tokens that the client has got; a lower bound where an engine packs several into a chunk.</summary>
    public long Tokens => _tokensOfEarlierLegs + _tokensOfThisLeg;

    public string Text => _text.ToString();

    /// <summary>Whether the text is longer than the tokens that were asked for can be.</summary>
    public bool IsTooLong => _text.Length > SpareChars + ((long)CharsOfAToken * request.MaxOutputTokens);

    /// <summary>Whether another engine can go on after what was sent.</summary>
    public bool Continuable => Begun && template.Continuable && _onlyText && FinishReason is null;

    public string? Id => _id;

    public EngineUsage? EngineUsage => _usage;

    /// <summary>Another engine goes on from here.</summary>
    public void NextLeg()
    {
        _tokensOfEarlierLegs = Tokens;
        _tokensOfThisLeg = 0;
        _usage = null;
    }

    /// <summary>An engine has counted exactly what was sent before it took over.</summary>
    public void CountEarlier(int tokens) => _tokensOfEarlierLegs = tokens;

    /// <summary>Takes a chunk in; answers what the client is to get of it, if anything.</summary>
    public InferenceChunk? Take(in EngineChunk chunk, ReadOnlyMemory<byte> raw)
    {
        _usage = chunk.Usage ?? _usage;
        if (!chunk.HasChoices)
            return null;

        // A continued answer begins with the role again; the client has it already.
        if (_tokensOfEarlierLegs > 0 && !chunk.HasToken && chunk.FinishReason is null)
            return null;

        _id ??= chunk.Id ?? "";
        _created = _created == 0 ? chunk.Created : _created;
        _text.Append(chunk.Text);
        _onlyText &= !chunk.HasMoreThanText;
        FinishReason ??= chunk.FinishReason;
        if (chunk.HasToken)
        {
            Begun = true;
            _tokensOfThisLeg++;
        }

        var asIs = chunk.Model == request.Model && chunk.Id == _id && chunk.Usage is null;
        return new InferenceChunk
        {
            Raw = asIs ? raw : ChunkWriter.Rename(raw, _id, request.Model),
            Text = chunk.Text,
            ToolCalls = chunk.ToolCalls,
            FinishReason = chunk.FinishReason,
            OnlyText = chunk.OnlyText,
        };
    }

    /// <summary>
    /// The account of the whole answer. Tokens that were sent before a change of engines came back to the last one as
    /// prompt, and are counted as output. An engine that gave no account is charged at the bound that was reserved
    /// for the prompt, and at what was seen of the output: silence must not make tokens free. No account is above what
    /// was reserved: an engine that is wrong, or lies, must not spend what the tenant has not been granted.
    /// </summary>
    public InferenceUsage Usage(long? prefillCached)
    {
        var most = request.PromptTokensAtMost.Value;
        if (_usage is not { } last)
            return new InferenceUsage(new(most), default, new(Math.Min(Tokens, request.MaxOutputTokens)));

        var prompt = Math.Min(Math.Max(0, last.Prompt - _tokensOfEarlierLegs), most);
        return new EngineUsage(
            prompt,
            Math.Min(prefillCached ?? last.Cached, prompt),
            Math.Min(Math.Min(last.Output, request.MaxOutputTokens) + _tokensOfEarlierLegs, request.MaxOutputTokens))
            .ToUsage();
    }

    public ReadOnlyMemory<byte> UsageChunk(InferenceUsage usage) =>
        ChunkWriter.Usage(request.Operation, _id ?? "", request.Model, _created, usage);
}
