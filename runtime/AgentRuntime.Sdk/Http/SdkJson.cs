using System.Text.Json.Serialization;

namespace AgentRuntime.Sdk.Http;

/// <summary>Source-generated JSON of OpenAI's wire forms that the client needs beside the platform's own.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ModelListBody))]
[JsonSerializable(typeof(ChatChunkBody))]
internal sealed partial class SdkJson : JsonSerializerContext;

internal sealed record ModelListBody(IReadOnlyList<ModelBody> Data);

internal sealed record ModelBody(string Id);

internal sealed record ChatChunkBody(
    string? Id, string? Model, IReadOnlyList<ChatChoiceBody>? Choices, ChatUsageBody? Usage, ChatErrorBody? Error);

internal sealed record ChatChoiceBody(int Index, ChatDeltaBody? Delta, ChatDeltaBody? Message, string? FinishReason);

internal sealed record ChatDeltaBody(string? Role, string? Content, IReadOnlyList<ChatToolCallBody>? ToolCalls);

internal sealed record ChatToolCallBody(int Index, string? Id, ChatFunctionBody? Function);

internal sealed record ChatFunctionBody(string? Name, string? Arguments);

internal sealed record ChatUsageBody(
    int PromptTokens, int CompletionTokens, ChatPromptDetailsBody? PromptTokensDetails);

internal sealed record ChatPromptDetailsBody(int CachedTokens);

internal sealed record ChatErrorBody(string Message, string? Code);
