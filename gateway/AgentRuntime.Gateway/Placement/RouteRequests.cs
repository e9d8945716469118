using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>
/// What the routing core must know of a request, from its bytes: no tokenizer is asked, so prompts are cut into chunks
/// of text, about as long as a block of tokens. Such keys tell equal prefixes apart as well as token keys do; they only
/// never meet those of KV events. Thread-safe.
/// </summary>
internal sealed class RouteRequests(RouteDesk desk, CacheSalt salts)
{
    // About four bytes make a token of English text.
    private const int BytesPerToken = 4;
    private const int InteractiveClass = 0;
    private const int AgentClass = 1;
    private const int UsualOutputTokens = 256;

    public RouteRequest Of(int pool, InferenceRequest request, RequestTemplate template)
    {
        var prompt = template.Prompt.Span;
        var chunkBytes = desk.Options.BlockTokens * BytesPerToken;
        var blocks = new BlockKey[BlockHasher.BlockCount(prompt.Length, chunkBytes)];
        desk.Hasher.HashText(prompt, chunkBytes, BlockScope.Create(salts.Of(request.Identity.Tenant)), blocks);
        return new RouteRequest
        {
            Pool = pool,
            Tenant = request.Identity.Tenant,
            Class = Math.Min(
                request.Identity.Run is null ? InteractiveClass : AgentClass, desk.Options.Classes.Count - 1),
            PromptTokens = Math.Max(1, prompt.Length / BytesPerToken),
            ExpectedOutputTokens = Math.Min(request.MaxOutputTokens, UsualOutputTokens),
            Blocks = blocks,
            NextCallExpectedIn = request.NextCallExpectedIn?.TotalSeconds,
        };
    }
}
