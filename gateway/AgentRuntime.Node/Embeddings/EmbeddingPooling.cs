using System.Globalization;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Embeddings;

/// <summary>Which of the tokens' vectors make that of the text; numbered as <c>llama_pooling_type</c>.</summary>
internal enum EmbeddingPooling
{
    /// <summary>The mean of all.</summary>
    Mean = 1,

    /// <summary>The first token's.</summary>
    First = 2,

    /// <summary>The last token's.</summary>
    Last = 3,
}

/// <summary>Reads a model's pooling from its metadata. Stateless.</summary>
internal static class PoolingMetadata
{
    private const int None = 0;

    /// <summary>
    /// What the GGUF's <c>ARCH.pooling_type</c> says. Without one: the mean when the operator asks for embeddings, else
    /// null. Null too for a reranker (4), whose output is a score and no vector.
    /// </summary>
    public static EmbeddingPooling? Of(IServedModel model, bool requested)
    {
        var type = model.Metadata($"{model.Metadata("general.architecture")}.pooling_type");
        if (!int.TryParse(type, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) || number <= None)
            return requested ? EmbeddingPooling.Mean : null;
        var pooling = (EmbeddingPooling)number;
        return Enum.IsDefined(pooling) ? pooling : null;
    }
}
