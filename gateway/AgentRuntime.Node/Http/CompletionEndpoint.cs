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
        using (var body = await ReadBodyAsync(context))
            request = CompletionRequestReader.Read(body.RootElement, isChat, node.Prompts.Calls);
        await using var call = new CompletionCall(node, request);
        await call.StartAsync(context.RequestAborted);
        var id = (isChat ? "chatcmpl-" : "cmpl-") + RequestId.Of(context);
        var json = new CompletionJson(node, request, id, node.Time.GetUtcNow().ToUnixTimeSeconds());
        if (request.Stream) await StreamAsync(context, call, json);
        else await AnswerAsync(context, call, json);
    }

    public static async Task<JsonDocument> ReadBodyAsync(HttpContext context)
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
        var choices = new SortedDictionary<int, ChoiceSoFar>();
        await foreach (var delta in call.ReadAsync(context.RequestAborted))
        {
            if (delta.Error is { } error) throw new RuntimeErrorException(error);
            if (!choices.TryGetValue(delta.Index, out var choice)) choices.Add(delta.Index, choice = new());
            choice.Add(delta);
        }

        context.Response.ContentType = "application/json";
        await using var writer = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteResponse(
            writer,
            [.. choices.Select(c => c.Value.Whole(c.Key))],
            call.Finish());
        await writer.FlushAsync(context.RequestAborted);
    }

    private static async Task StreamAsync(HttpContext context, CompletionCall call, CompletionJson json)
    {
        await using var events = new EventStream(context);
        try
        {
            await SendAsync(context, call, json, events);
        }
        catch (RuntimeErrorException e) when (context.Response.HasStarted)
        {
            await events.SendAsync(writer => ErrorResponse.Write(writer, e.Error), context.RequestAborted);
        }

        await events.EndAsync(context.RequestAborted);
    }

    private static async Task SendAsync(
        HttpContext context, CompletionCall call, CompletionJson json, EventStream events)
    {
        var calls = new Dictionary<int, int>();
        var templates = new Dictionary<int, ChunkTemplate>();
        await foreach (var delta in call.ReadAsync(context.RequestAborted))
        {
            if (delta.Error is { } error) throw new RuntimeErrorException(error);
            // The first sign of life is an event, by which the answer begins for its reader.
            var first = calls.TryAdd(delta.Index, 0);
            if (delta.IsOnlyLife && !first)
            {
                await events.SendLifeAsync(context.RequestAborted);
                continue;
            }

            if (delta.IsOnlyText && !first)
            {
                if (!templates.TryGetValue(delta.Index, out var template))
                    templates.Add(delta.Index, template = json.TemplateOf(events, delta.Index));
                await events.SendAsync(template, delta.Text, context.RequestAborted);
                continue;
            }

            await events.SendAsync(
                writer => json.WriteDelta(writer, delta, first, calls[delta.Index]), context.RequestAborted);
            calls[delta.Index] += delta.Calls.Count;
        }

        var totals = call.Finish();
        if (call.Request.IncludeUsage || totals.Lease is not null)
            await events.SendAsync(writer => json.WriteUsage(writer, totals), context.RequestAborted);
    }

    /// <summary>A choice that is being collected.</summary>
    private sealed class ChoiceSoFar
    {
        private readonly StringBuilder _text = new();
        private readonly List<TokenReport> _tokens = [];
        private readonly List<RequestToolCall> _calls = [];
        private string? _reason;

        public void Add(ChoiceDelta delta)
        {
            _text.Append(delta.Text);
            _tokens.AddRange(delta.Tokens);
            _calls.AddRange(delta.Calls);
            _reason ??= delta.FinishReason;
        }

        public ChoiceText Whole(int index) => new(index, _text.ToString(), _reason, _tokens, _calls);
    }
}
