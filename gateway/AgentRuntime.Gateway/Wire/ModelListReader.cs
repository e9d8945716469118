using System.Text.Json;

namespace AgentRuntime.Gateway;

/// <summary>Reads an engine's <c>/v1/models</c>. Stateless.</summary>
internal static class ModelListReader
{
    private const int MaxModels = 1_000;

    // Clients cannot name a longer one; it would be kept, listed and logged.
    private const int MaxNameChars = 256;

    /// <summary>The engine's models by the name that clients use.</summary>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static IReadOnlyDictionary<string, EngineModel> Read(byte[] json, EngineDescriptor engine)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 32 });
        var served = new Dictionary<string, EngineModel>(StringComparer.Ordinal);
        if (document.RootElement.ValueKind == JsonValueKind.Object
            && document.RootElement.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Array)
        {
            foreach (var model in data.EnumerateArray().Take(MaxModels))
            {
                if (model.ValueKind == JsonValueKind.Object && model.TryGetProperty("id", out var id)
                    && id.ValueKind == JsonValueKind.String && id.GetString() is { Length: <= MaxNameChars } name)
                {
                    served[name] = new EngineModel(name, ContextOf(model))
                    {
                        Parent = AnswerAssembly.Text(model, "parent"),
                    };
                }
            }
        }

        if (engine.Models is null)
            return served;

        var offered = new Dictionary<string, EngineModel>(StringComparer.Ordinal);
        foreach (var (name, engineName) in engine.Models)
        {
            if (served.TryGetValue(engineName, out var model))
                offered[name] = model;
        }

        return offered;
    }

    /// <summary>vLLM and the bundled node say <c>max_model_len</c>, llama-server <c>meta.n_ctx_train</c>.</summary>
    private static int ContextOf(JsonElement model)
    {
        if (model.TryGetProperty("max_model_len", out var length) && length.ValueKind == JsonValueKind.Number
            && length.TryGetInt32(out var tokens))
            return Math.Max(0, tokens);

        return model.TryGetProperty("meta", out var meta) && meta.ValueKind == JsonValueKind.Object
            && meta.TryGetProperty("n_ctx_train", out var trained) && trained.ValueKind == JsonValueKind.Number
            && trained.TryGetInt32(out tokens)
            ? Math.Max(0, tokens)
            : 0;
    }
}
