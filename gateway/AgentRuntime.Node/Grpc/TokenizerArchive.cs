using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Models;
using AgentRuntime.Rpc.Server;
using AgentRuntime.Rpc.Vllm;
using Google.Protobuf;

namespace AgentRuntime.Node.Grpc;

/// <summary>
/// <c>GetTokenizer</c>: a zip archive with what tokenizes as this node does. A GGUF model has no Hugging Face files;
/// its vocabulary goes as <c>tokenizer.gguf</c>, a GGUF without tensors, beside <c>tokenizer_config.json</c>. Made
/// once, when it is first asked for. Thread-safe.
/// </summary>
internal sealed class TokenizerArchive
{
    private const int ChunkBytes = 256 << 10;

    private static readonly DateTimeOffset ZipEpoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Lazy<(byte[] Zip, string Sha256)> _archive;

    public TokenizerArchive(NodeService node) => _archive = new(() =>
    {
        var zip = Build(node);
        return (zip, Convert.ToHexStringLower(SHA256.HashData(zip)));
    });

    public async Task ServeAsync(IRpcWriter<GetTokenizerChunk> responses)
    {
        var (zip, sha256) = _archive.Value;
        for (var at = 0; at < zip.Length; at += ChunkBytes)
        {
            var count = Math.Min(ChunkBytes, zip.Length - at);
            var chunk = new GetTokenizerChunk { Data = UnsafeByteOperations.UnsafeWrap(zip.AsMemory(at, count)) };
            if (at + count == zip.Length) chunk.Sha256 = sha256;
            await responses.WriteAsync(chunk);
        }
    }

    private static byte[] Build(NodeService node)
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        {
            using (var config = Entry(zip, "tokenizer_config.json"))
            using (var json = new Utf8JsonWriter(config))
            {
                json.WriteStartObject();
                json.WriteString("tokenizer_class", node.Options.Simulation is null ? "gguf" : "simulated");
                json.WriteNumber("model_max_length", node.ContextTokens);
                if (node.Model.Bos >= 0) json.WriteString("bos_token", node.Model.TokenText(node.Model.Bos));
                if (node.Model.Eos >= 0) json.WriteString("eos_token", node.Model.TokenText(node.Model.Eos));
                json.WriteString("chat_template", node.Model.Metadata("tokenizer.chat_template"));
                json.WriteEndObject();
            }

            if (node.Options.Simulation is null)
            {
                using var vocabulary = Entry(zip, "tokenizer.gguf");
                GgufVocabulary.Copy(node.Model.Path, vocabulary);
            }
        }

        return buffer.ToArray();
    }

    private static Stream Entry(ZipArchive zip, string name)
    {
        var entry = zip.CreateEntry(name);
        entry.LastWriteTime = ZipEpoch; // the same model gives the same bytes
        return entry.Open();
    }
}
