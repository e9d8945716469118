using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Node.Http;

/// <summary><c>/tokenize</c> and <c>/detokenize</c> in vLLM's form.</summary>
internal static class TokenEndpoints
{
    public static async Task TokenizeAsync(HttpContext context, NodeService node)
    {
        using var body = await ReadAsync(context);
        var root = body.RootElement;
        var addSpecial = !root.TryGetProperty("add_special_tokens", out var flag)
            || flag.ValueKind != JsonValueKind.False;
        int[] tokens;
        if (root.TryGetProperty("messages", out _))
        {
            var request = CompletionRequestReader.ReadForPrompt(root, isChat: true);
            tokens = Tokens(node, node.Prompts.Build(request), addSpecial, "messages");
        }
        else
        {
            var prompt = RequestJson.Read(() => CompletionRequestReader.Text(root, "prompt", int.MaxValue))
                ?? throw CompletionRequestReader.Malformed("prompt is not a text", "prompt");
            tokens = Tokens(node, prompt, addSpecial, "prompt");
        }

        await NodeEndpoints.JsonAsync(context, json =>
        {
            json.WriteNumber("count", tokens.Length);
            json.WriteNumber("max_model_len", node.ContextTokens);
            json.WriteStartArray("tokens");
            foreach (var token in tokens) json.WriteNumberValue(token);
            json.WriteEndArray();
        });
    }

    public static async Task DetokenizeAsync(HttpContext context, NodeService node)
    {
        using var body = await ReadAsync(context);
        if (!body.RootElement.TryGetProperty("tokens", out var list) || list.ValueKind != JsonValueKind.Array)
            throw CompletionRequestReader.Malformed("tokens is not a list", "tokens");
        var text = new TextAssembler([]);
        var result = new System.Text.StringBuilder();
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out var token)
                || token < 0 || token >= node.Model.VocabularySize)
                throw CompletionRequestReader.Malformed("tokens holds one that the vocabulary lacks", "tokens");
            var piece = node.Model.Piece(token);
            result.Append(piece.IsEmpty ? text.Complete() + node.Model.TokenText(token) : text.Append(piece));
        }

        result.Append(text.Complete());
        await NodeEndpoints.JsonAsync(context, json => json.WriteString("prompt", result.ToString()));
    }

    private static int[] Tokens(NodeService node, string prompt, bool addSpecial, string where)
    {
        node.CheckText(prompt, wanted: 0, where);
        return node.Model.Tokenize(prompt, addSpecial, parseSpecial: true);
    }

    private static async Task<JsonDocument> ReadAsync(HttpContext context)
    {
        try
        {
            var body = await JsonDocument.ParseAsync(context.Request.Body, default, context.RequestAborted);
            if (body.RootElement.ValueKind == JsonValueKind.Object) return body;
            body.Dispose();
        }
        catch (JsonException)
        {
            // Answered below, like any body that is not an object.
        }

        throw CompletionRequestReader.Malformed("the body is not a JSON object", null);
    }
}
