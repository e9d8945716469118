using System.Runtime.InteropServices;
using System.Text.Json;
using AgentRuntime.Node.Http;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Node.Embeddings;

/// <summary><c>POST /v1/embeddings</c> in OpenAI's form. Stateless.</summary>
internal static class EmbeddingEndpoint
{
    public static async Task ServeAsync(HttpContext context, NodeService node)
    {
        EmbeddingRequest request;
        using (var body = await CompletionEndpoint.ReadBodyAsync(context))
            request = RequestJson.Read(() => EmbeddingRequest.Read(body.RootElement));
        node.Embeddings.Require();
        if (node.Adapter(request.Model) is not null)
            throw CompletionRequestReader.Unsupported("embeddings are of the model and not of an adapter", "model");
        node.Embeddings.CheckLengths(request.Input);
        int[][] texts = [.. request.Input.Select(input =>
            input.Tokens ?? node.Model.Tokenize(input.Text ?? "", addSpecial: true, parseSpecial: true))];
        var vectors = await node.Embeddings.EmbedAsync(texts, context.RequestAborted);

        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        for (var i = 0; i < vectors.Length; i++)
        {
            Write(json, i, vectors[i], request.IsBase64);
            // One vector at a time, so that a slow client holds no more than that in buffers.
            await json.FlushAsync(context.RequestAborted);
        }

        json.WriteEndArray();
        json.WriteString("model", node.ModelName);
        json.WriteStartObject("usage");
        var tokens = texts.Sum(text => text.Length);
        json.WriteNumber("prompt_tokens", tokens);
        json.WriteNumber("total_tokens", tokens);
        json.WriteEndObject();
        json.WriteEndObject();
        await json.FlushAsync(context.RequestAborted);
    }

    /// <summary>In base64 the vector is 32-bit floats in little-endian order, as OpenAI's are.</summary>
    private static void Write(Utf8JsonWriter json, int index, float[] vector, bool isBase64)
    {
        json.WriteStartObject();
        json.WriteString("object", "embedding");
        json.WriteNumber("index", index);
        if (isBase64)
        {
            json.WriteBase64String("embedding", MemoryMarshal.AsBytes<float>(vector));
        }
        else
        {
            json.WriteStartArray("embedding");
            foreach (var value in vector) json.WriteNumberValue(value);
            json.WriteEndArray();
        }

        json.WriteEndObject();
    }
}
