using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;
using Microsoft.Extensions.AI;
using AiMessage = Microsoft.Extensions.AI.ChatMessage;
using AiOptions = Microsoft.Extensions.AI.ChatOptions;
using AiResponse = Microsoft.Extensions.AI.ChatResponse;

namespace AgentRuntime.Sdk;

/// <summary>
/// A model of the platform as an <see cref="IChatClient"/>, so that Semantic Kernel, Agent Framework and anything else
/// on Microsoft.Extensions.AI can use it. Thread-safe. Does not own the client it is made from. Messages hold text,
/// images, function calls and their results; anything else is a <see cref="NotSupportedException"/>. Images are sent
/// as they are given: a platform takes those by address only where its operator lets engines fetch (AR1010).
/// </summary>
public sealed class RuntimeChatClient(AgentRuntimeClient client, string model) : IChatClient
{
    private readonly ChatClientMetadata _metadata = new("agentruntime", client.Http.BaseAddress, model);

    /// <summary>The whole answer.</summary>
    /// <exception cref="RuntimeErrorException">The platform refused, or the answer broke off.</exception>
    public async Task<AiResponse> GetResponseAsync(
        IEnumerable<AiMessage> messages, AiOptions? options = null, CancellationToken cancellationToken = default) =>
        await GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <summary>The answer as it is generated; the last update holds the usage.</summary>
    /// <exception cref="RuntimeErrorException">The platform refused, or the answer broke off.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<AiMessage> messages,
        AiOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions");
        request.Content = new ByteArrayContent(ChatRequestJson.Write(messages, options, model));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await new ControlApi(client.Http).SendAsync(request, cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var assembly = new ToolCallAssembly();
        await foreach (var item in SseParser.Create(body).EnumerateAsync(cancellationToken))
        {
            if (item.Data == "[DONE]") break;
            var chunk = JsonSerializer.Deserialize(item.Data, SdkJson.Default.ChatChunkBody)
                ?? throw new JsonException("a chunk without content");
            if (chunk.Error is { } error) throw Broken(error);
            yield return Update(chunk, assembly);
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return _metadata;
        return serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Nothing to release: the client belongs to whoever made it.</summary>
    public void Dispose()
    {
    }

    private static RuntimeErrorException Broken(ChatErrorBody error) => new(new RuntimeError(
        error.Code is null ? ReasonCodes.EngineDiedMidStream : ReasonCode.Parse(error.Code), error.Message));

    private static ChatResponseUpdate Update(ChatChunkBody chunk, ToolCallAssembly assembly)
    {
        var update = new ChatResponseUpdate
        {
            ResponseId = chunk.Id,
            ModelId = chunk.Model,
            Role = ChatRoles.Assistant,
        };
        if (chunk.Choices is [var choice, ..])
        {
            if (choice.Delta?.Content is { Length: > 0 } text) update.Contents.Add(new TextContent(text));
            foreach (var piece in choice.Delta?.ToolCalls ?? []) assembly.Add(piece);
            if (choice.FinishReason is { } reason)
            {
                update.FinishReason = new ChatFinishReason(reason);
                foreach (var call in assembly.Finish()) update.Contents.Add(call);
            }
        }

        if (chunk.Usage is { } usage) update.Contents.Add(new UsageContent(Details(usage)));
        return update;
    }

    private static UsageDetails Details(ChatUsageBody usage) => new()
    {
        InputTokenCount = usage.PromptTokens,
        OutputTokenCount = usage.CompletionTokens,
        TotalTokenCount = usage.PromptTokens + usage.CompletionTokens,
        CachedInputTokenCount = usage.PromptTokensDetails?.CachedTokens,
    };
}
