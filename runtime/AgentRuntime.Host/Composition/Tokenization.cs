using System.Runtime.InteropServices;
using AgentRuntime.Abstractions;
using AgentRuntime.Gateway;
using AgentRuntime.Host.Configuration;
using AgentRuntime.Host.Nodes;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Host.Composition;

/// <summary>
/// How prompts become names of KV blocks: by the vocabulary of the bundled nodes' model unless configured otherwise,
/// and as configured for models elsewhere. Owned by the container.
/// </summary>
internal sealed class Tokenization : IDisposable
{
    private readonly GgufTokenizer? _vocabulary;

    public Tokenization(PlatformOptions options)
    {
        var model = options.Nodes.ModelName;
        var keys = options.Tokenization.ToDictionary(
            t => t.Key, t => Enum.Parse<PromptKeys>(t.Value, ignoreCase: true));
        if (options.Nodes.Count > 0)
            keys.TryAdd(model, options.Nodes.Simulate ? PromptKeys.Engine : PromptKeys.Vocabulary);
        if (keys.GetValueOrDefault(model) == PromptKeys.Vocabulary)
        {
            _vocabulary = GgufTokenizer.Load(EngineStart.ModelFile(options), options.Nodes.ContextTokens);
            Tokenizers = new Dictionary<string, IPromptTokenizer> { [model] = _vocabulary };
        }

        Keys = keys;
    }

    public IReadOnlyDictionary<string, PromptKeys> Keys { get; }

    public IReadOnlyDictionary<string, IPromptTokenizer> Tokenizers { get; } =
        new Dictionary<string, IPromptTokenizer>();

    /// <summary>Whether nodes on this machine can publish KV events.</summary>
    public static bool HasZeroMq { get; } = NativeLibrary.TryLoad("libzmq.so.5", out _);

    public void Dispose() => _vocabulary?.Dispose();
}
