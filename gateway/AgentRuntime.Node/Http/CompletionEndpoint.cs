using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Node.Http;

/// <summary>
/// Serves <c>/v1/chat/completions</c> and <c>/v1/completions</c>, and in them both legs of a disaggregated request.
/// One for the node; each request's state is in <see cref="CompletionCall"/>.
/// </summary>
internal sealed class CompletionEndpoint(NodeService node)
{
    public async Task ServeAsync(HttpContext context, bool isChat)
    {
        CompletionRequest request;
        using (var body = await ReadBodyAsync(context)) request = CompletionRequestReader.Read(body.RootElement, isChat);
        await using var call = new CompletionCall(node, request);
        await call.StartAsync(context.RequestAborted);
        var id = (isChat ? "chatcmpl-" : "cmpl-") + RequestId.Of(context);
        var json = new CompletionJson(node, request, id, node.Time.GetUtcNow().ToUnixTimeSeconds());
        if (request.Stream) await StreamAsync(context, call, json);
        else await AnswerAsync(context, call, json);
    }

    private static async Task<JsonDocument> ReadBodyAsync(HttpContext context)
    {
        try
        {
            return await JsonDocument.ParseAsync(context.Request.Body, default, context.RequestAborted);
        }
        catch (JsonException)
        {
            throw CompletionRequestReader.Malformed("the body is not JSON", null);
        }
    }

    private static async Task AnswerAsync(HttpContext context, CompletionCall call, CompletionJson json)
    {
        var choices = new SortedDictionary<int, (StringBuilder Text, List<TokenReport> Tokens, string? Reason)>();
        await foreach (var delta in call.ReadAsync(context.RequestAborted))
        {
            if (delta.Error is { } error) throw new RuntimeErrorException(error);
            var choice = choices.GetValueOrDefault(delta.Index, (new(), [], null));
            choice.Text.Append(delta.Text);
            choice.Tokens.AddRange(delta.Tokens);
            choices[delta.Index] = (choice.Text, choice.Tokens, delta.FinishReason ?? choice.Reason);
        }

        context.Response.ContentType = "application/json";
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteResponse(
            writer,
            [.. choices.Select(c => new ChoiceText(c.Key, c.Value.Text.ToString(), c.Value.Reason, c.Value.Tokens))],
            call.Finish());
        await writer.FlushAsync(context.RequestAborted);
    }

    private static async Task StreamAsync(HttpContext context, CompletionCall call, CompletionJson json)
    {
        var started = new HashSet<int>();
        await using var events = new EventStream(context);
        await foreach (var delta in call.ReadAsync(context.RequestAborted))
        {
            if (delta.Error is { } error)
            {
                if (!context.Response.HasStarted) throw new RuntimeErrorException(error);
                await events.SendAsync(writer => ErrorResponse.Write(writer, error), context.RequestAborted);
                await events.EndAsync(context.RequestAborted);
                return;
            }

            await events.SendAsync(writer => json.WriteDelta(writer, delta, started.Add(delta.Index)), context.RequestAborted);
        }

        var totals = call.Finish();
        if (call.Request.IncludeUsage || totals.Lease is not null)
            await events.SendAsync(writer => json.WriteUsage(writer, totals), context.RequestAborted);
        await events.EndAsync(context.RequestAborted);
    }
}
