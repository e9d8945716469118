using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// <c>POST /v1/chat/completions</c> and <c>/v1/completions</c>: reads the request under bounds, asks policy, and
/// passes the router's answer on, streamed or whole. Thread-safe.
/// </summary>
internal sealed class InferenceEndpoint(
    EdgeOptions options, IInferenceRouter router, ModelPolicy policy, IQuotaLedger ledger)
{
    private readonly ConcurrencyLimit _limit =
        new("inference requests", options.MaxInferenceRequests, options.MaxInferenceRequestsPerTenant);

    public EdgeHandler For(InferenceOperation operation) =>
        (context, caller, cancellationToken) => HandleAsync(context, caller, operation, cancellationToken);

    private async Task HandleAsync(
        HttpContext context, WorkIdentity caller, InferenceOperation operation, CancellationToken cancellationToken)
    {
        context.Response.OnStarting(() =>
        {
            // As late as can be, so that they count this request too.
            QuotaHeaders.Write(context.Response.Headers, ledger.Status(caller.Tenant));
            return Task.CompletedTask;
        });
        using var place = _limit.Enter(caller.Tenant);
        var body = await BodyReader.ReadAsync(context, options.MaxInferenceBodyBytes, cancellationToken);
        var client = ClientRequest.Read(body, operation, options);
        var permission = policy.Demand(caller, client.Model);
        var outcome = CallOutcome.Failed;
        try
        {
            var tokens = client.MaxOutputTokens ?? DefaultFor(client.Model);
            var request = new InferenceRequest(caller, client.Model, operation, body, tokens * client.Choices);
            await AnswerAsync(context, request, client, cancellationToken);
            outcome = CallOutcome.Succeeded;
        }
        finally
        {
            permission.Settle(outcome);
        }
    }

    private async Task AnswerAsync(
        HttpContext context, InferenceRequest request, ClientRequest client, CancellationToken cancellationToken)
    {
        await using var chunks = router.GenerateAsync(request, cancellationToken).GetAsyncEnumerator(cancellationToken);
        if (!await chunks.MoveNextAsync())
            throw new RuntimeErrorException(new RuntimeError(ReasonCodes.EngineFailed, "the answer has no content"));

        if (chunks.Current.ServedBy is { } engines)
        {
            context.Response.Headers["x-agentruntime-prefill-engine"] = engines.PrefillEngine;
            context.Response.Headers["x-agentruntime-decode-engine"] = engines.DecodeEngine;
        }

        if (client.Stream)
            await AnswerStream.WriteAsync(context, chunks, client.IncludeUsage, cancellationToken);
        else
            await WholeAnswer.WriteAsync(context, chunks, request, cancellationToken);
    }

    /// <summary>
    /// A quarter of a small context, so that the engine does not refuse what the client never asked for.
    /// </summary>
    private int DefaultFor(string model)
    {
        var context = 0;
        foreach (var served in router.Models)
        {
            if (served.Name == model)
                context = served.ContextTokens;
        }

        return context == 0
            ? options.DefaultMaxOutputTokens
            : Math.Clamp(context / 4, 1, options.DefaultMaxOutputTokens);
    }
}
