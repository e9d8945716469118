using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Prompting;

/// <summary>
/// The tokens that nodes with this GGUF file read, without its weights: what the host gives to the router, so that its
/// names of KV blocks meet those of the nodes' events. Thread-safe; dispose it last.
/// </summary>
public sealed class GgufTokenizer : IModelTokenizer, IDisposable
{
    private readonly LoadedModel _model;
    private readonly PromptBuilder _prompts;
    private readonly int _contextTokens;

    private GgufTokenizer(LoadedModel model, int contextTokens)
    {
        _model = model;
        _contextTokens = contextTokens;
        _prompts = new(model, TimeProvider.System);
    }

    /// <summary>Reads the vocabulary and the chat template of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="contextTokens">What the nodes hold: of a prompt that is longer by far no tokens are made.</param>
    /// <exception cref="RuntimeErrorException">
    /// AR8004 llama.cpp is not installed; AR4010 the file is not a model that loads.
    /// </exception>
    public static GgufTokenizer Load(string path, int contextTokens)
    {
        LlamaLibrary.Load();
        return new(LoadedModel.LoadVocabulary(path), contextTokens);
    }

    /// <summary>As <see cref="Load(string, int)"/>, for nodes of any context.</summary>
    /// <inheritdoc cref="Load(string, int)"/>
    public static GgufTokenizer Load(string path) => Load(path, NodeOptions.MostContextTokens);

    /// <inheritdoc/>
    public int[]? Tokenize(InferenceOperation operation, ReadOnlyMemory<byte> body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            var request = CompletionRequestReader.ReadForPrompt(
                json.RootElement, operation == InferenceOperation.Chat);
            if (request.IsChat) return Tokenize(_prompts.Build(request));
            return request.Prompts is not [var prompt] ? null : prompt.Tokens ?? Tokenize(prompt.Text ?? "");
        }
        catch (Exception e) when (e is JsonException or RuntimeErrorException)
        {
            // The node will say what is wrong with it.
            return null;
        }
    }

    /// <inheritdoc/>
    public int[] TokenizeText(string text) => _model.Tokenize(text, addSpecial: false, parseSpecial: false);

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> BytesOf(int token) =>
        !IsKnown(token) ? default : IsControl(token) ? Encoding.UTF8.GetBytes(_model.TokenText(token))
            : _model.Piece(token).ToArray();

    /// <inheritdoc/>
    public bool IsControl(int token) => IsKnown(token) && _model.Piece(token).IsEmpty;

    /// <inheritdoc/>
    public string? ToolCallParser => ToolCallSyntaxes.ParserOf(_prompts.Calls);

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    private bool IsKnown(int token) => token >= 0 && token < _model.VocabularySize;

    private int[]? Tokenize(string prompt) => _model.LeastTokens(prompt) > _contextTokens ? null
        : _model.Tokenize(prompt, addSpecial: true, parseSpecial: true);
}
