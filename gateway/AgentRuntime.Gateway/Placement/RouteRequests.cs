using AgentRuntime.Abstractions;
using AgentRuntime.Gateway.Routing;

namespace AgentRuntime.Gateway;

/// <summary>
/// What the routing core must know of a request, from its bytes. Blocks are cut from the prompt's tokens where the
/// model has a tokenizer, and then meet those of KV events; else from chunks of text about as long. Thread-safe.
/// </summary>
internal sealed class RouteRequests(
    RouteDesk desk, CacheSalt salts, PromptTokens tokens, LargeBodies large, ISloTargetSource? targets = null)
{
    // About four bytes make a token of English text.
    private const int BytesPerToken = 4;
    private const int InteractiveClass = 0;
    private const int AgentClass = 1;
    private const int UsualOutputTokens = 256;

    public async ValueTask<RouteRequest> OfAsync(
        ModelHome home,
        InferenceRequest request,
        RequestTemplate template,
        string requestId,
        CancellationToken cancellationToken)
    {
        var ids = await tokens.OfAsync(request, home.Base, template, requestId, cancellationToken);
        var scope = BlockScope.Create(salts.Of(request.Identity.Tenant), home.Adapter);
        var blocks = LargeBodies.IsLarge(request.Body.Length)
            ? await CutLargeAsync(request.Identity.Tenant, template, ids, scope, cancellationToken)
            : Cut(template, ids, scope);
        var target = targets?.Find(request.Identity);
        return new RouteRequest
        {
            Pool = home.Pool,
            Tenant = request.Identity.Tenant,
            Class = target is null
                ? Math.Min(
                    request.Identity.Run is null ? InteractiveClass : AgentClass, desk.Options.Classes.Count - 1)
                : ClassOf(target.Priority, desk.Options.Classes),
            Service = target is null ? null : ServiceOf(target),
            PromptTokens = Math.Max(1, ids?.Length ?? (template.Prompt.Length / BytesPerToken)),
            ExpectedOutputTokens = Math.Min(request.MaxOutputTokens, UsualOutputTokens),
            Blocks = blocks,
            Colocated = template.Choices != 1,
            NextCallExpectedIn = request.NextCallExpectedIn?.TotalSeconds,
        };
    }

    private BlockKey[] Cut(RequestTemplate template, int[]? ids, BlockScope scope)
    {
        var size = desk.Options.BlockTokens;
        BlockKey[] blocks;
        if (ids is not null)
        {
            blocks = new BlockKey[BlockHasher.BlockCount(ids.Length, size)];
            desk.Hasher.HashTokens(ids, size, scope, blocks);
        }
        else
        {
            blocks = new BlockKey[BlockHasher.BlockCount(template.Prompt.Length, size * BytesPerToken)];
            desk.Hasher.HashText(template.Prompt.Span, size * BytesPerToken, scope, blocks);
        }

        return blocks;
    }

    private Task<BlockKey[]> CutLargeAsync(
        TenantId tenant,
        RequestTemplate template,
        int[]? ids,
        BlockScope scope,
        CancellationToken cancellationToken) =>
        large.DoAsync(tenant, () => Cut(template, ids, scope), cancellationToken);

    /// <summary>The class among which work of a priority is ordered: the one of the nearest priority.</summary>
    internal static int ClassOf(int priority, IReadOnlyList<SloClass> classes)
    {
        var best = 0;
        for (var i = 0; i < classes.Count; i++)
        {
            if (Math.Abs(classes[i].Priority - priority) < Math.Abs(classes[best].Priority - priority))
                best = i;
        }

        return best;
    }

    private static SloClass ServiceOf(SloTarget target) =>
        new(target.Name, target.Priority)
        {
            TtftSeconds = target.TimeToFirstToken.TotalSeconds,
            TpotSeconds = target.TimePerOutputToken.TotalSeconds,
            MaxWaitSeconds = target.Deadline.TotalSeconds,
            Sheddable = target.Sheddable,
            Objective = target.Objective,
        };
}
