using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>POST /v1/chat/completions</c> and <c>/v1/completions</c>: reads the request under bounds, asks policy, and
/// passes the router's answer on, streamed or whole. Thread-safe.
/// </summary>
internal sealed class InferenceEndpoint(
    EdgeOptions options,
    IInferenceRouter router,
    ModelPolicy policy,
    IQuotaLedger ledger,
    BodyBytes bytes,
    LargeBodies large,
    TimeProvider time)
{
    private readonly ClientFlush _client = new(options.ClientStallTimeout, time);

    private readonly ConcurrencyLimit _limit =
        new("inference requests", options.MaxInferenceRequests, options.MaxInferenceRequestsPerTenant);

    public EdgeHandler For(InferenceOperation operation) => (context, caller, cancellationToken) =>
        HandleAsync(context, caller, operation, static body => body, AnswerAsync, cancellationToken);

    /// <summary><c>POST /v1/embeddings</c>: the router's one chunk is the answer.</summary>
    public Task EmbedAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken) =>
        HandleAsync(
            context,
            caller,
            InferenceOperation.Embedding,
            static body => body,
            static async (context, chunks, _, _, cancellationToken) =>
            {
                var list = chunks.Current.Raw;
                context.Response.ContentType = "application/json";
                context.Response.ContentLength = list.Length;
                await context.Response.Body.WriteAsync(list, cancellationToken);

                // To its end, so that it is settled before the request is over.
                while (await chunks.MoveNextAsync())
                {
                }
            },
            cancellationToken);

    /// <summary>Serves a request whose body is turned into OpenAI's chat or completion form first.</summary>
    /// <param name="context">The request.</param>
    /// <param name="caller">Who asks.</param>
    /// <param name="operation">What the turned body is for.</param>
    /// <param name="turn">Turns the body as it came.</param>
    /// <param name="answer">Writes the answer, whose first chunk is current.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task HandleAsync(
        HttpContext context,
        WorkIdentity caller,
        InferenceOperation operation,
        Func<byte[], byte[]> turn,
        AnswerWriter answer,
        CancellationToken cancellationToken)
    {
        context.Response.OnStarting(() =>
        {
            // As late as can be, so that they count this request too.
            QuotaHeaders.Write(context.Response.Headers, ledger.Status(caller.Tenant));
            return Task.CompletedTask;
        });
        using var place = _limit.Enter(caller.Tenant);
        var given = await BodyReader.ReadAsync(
            context, options.MaxInferenceBodyBytes, bytes, caller.Tenant, cancellationToken);
        var (body, client) = LargeBodies.IsLarge(given.Length)
            ? await ReadLargeAsync(given, operation, turn, caller.Tenant, cancellationToken)
            : Read(given, operation, turn);
        var permission = policy.Demand(caller, client.Model);
        var outcome = CallOutcome.Failed;
        try
        {
            var most = ContextOf(client.Model);
            var tokens = client.MaxOutputTokens ?? DefaultFor(most);
            var request = new InferenceRequest(caller, client.Model, operation, body, tokens * client.Choices)
            {
                MediaTokensAtMost = MediaTokens(client.Media, most),
            };
            await OpenAsync(context, request, client, answer, cancellationToken);
            outcome = CallOutcome.Succeeded;
        }
        finally
        {
            permission.Settle(outcome);
        }
    }

    private (byte[] Body, ClientRequest Client) Read(
        byte[] given, InferenceOperation operation, Func<byte[], byte[]> turn)
    {
        JsonText.DemandUnicode(given);
        var body = turn(given);
        return (body, ClientRequest.Read(body, operation, options));
    }

    private Task<(byte[] Body, ClientRequest Client)> ReadLargeAsync(
        byte[] given,
        InferenceOperation operation,
        Func<byte[], byte[]> turn,
        TenantId tenant,
        CancellationToken cancellationToken) =>
        large.DoAsync(tenant, () => Read(given, operation, turn), cancellationToken);

    private async Task OpenAsync(
        HttpContext context,
        InferenceRequest request,
        ClientRequest client,
        AnswerWriter answer,
        CancellationToken cancellationToken)
    {
        await using var chunks = router.GenerateAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
        if (!await chunks.MoveNextAsync())
            throw new RuntimeErrorException(new RuntimeError(ReasonCodes.EngineFailed, "the answer has no content"));

        if (chunks.Current.ServedBy is { } engines)
        {
            context.Response.Headers["x-agentruntime-prefill-engine"] = engines.PrefillEngine;
            context.Response.Headers["x-agentruntime-decode-engine"] = engines.DecodeEngine;
        }

        await answer(context, chunks, request, client, cancellationToken);
    }

    private Task AnswerAsync(
        HttpContext context,
        IAsyncEnumerator<InferenceChunk> chunks,
        InferenceRequest request,
        ClientRequest client,
        CancellationToken cancellationToken) => client.Stream
            ? AnswerStream.WriteAsync(context, chunks, client.IncludeUsage, _client, cancellationToken)
            : WholeAnswer.WriteAsync(context, chunks, request, cancellationToken);

    private int ContextOf(string model)
    {
        foreach (var served in router.Models)
        {
            if (served.Name == model)
                return served.ContextTokens;
        }

        return 0;
    }

    /// <summary>
    /// A quarter of a small context, so that the engine does not refuse what the client never asked for.
    /// </summary>
    private int DefaultFor(int context) => context == 0
        ? options.DefaultMaxOutputTokens
        : Math.Clamp(context / 4, 1, options.DefaultMaxOutputTokens);

    private TokenCount MediaTokens(int media, int context)
    {
        var most = (long)media * options.MaxMediaTokens;
        return new(context == 0 ? most : Math.Min(most, context));
    }
}

/// <summary>Writes an answer whose first chunk is current, in the form that the endpoint has.</summary>
internal delegate Task AnswerWriter(
    HttpContext context,
    IAsyncEnumerator<InferenceChunk> chunks,
    InferenceRequest request,
    ClientRequest client,
    CancellationToken cancellationToken);
