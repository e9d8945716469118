using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Simulation;

/// <summary>
/// Stands for a model below the node's scheduler: everything above it, from HTTP to the prefix cache, is the real node.
/// Thread-safe.
/// </summary>
internal sealed class SimulatedModel(SimulationOptions options, TimeProvider time) : IServedModel, IChatTemplate
{
    public string Path => "simulated";

    public string Digest { get; } = Convert.ToHexStringLower(SHA256.HashData("simulated model 1"u8));

    public string StateFormat => "simulated/1";

    public bool AnswersToAnyName => true;

    public int VocabularySize => SimulatedVocabulary.Size;

    public int Bos => -1;

    public int Eos => SimulatedVocabulary.TurnEnd;

    public bool CanShareCells => true;

    public bool CanMoveState => true;

    public bool EndsGeneration(int token) => token == Eos;

    public ReadOnlySpan<byte> Piece(int token) => SimulatedVocabulary.Piece(token);

    public string TokenText(int token) => token switch
    {
        SimulatedVocabulary.TurnStart => SimulatedVocabulary.TurnStartText,
        SimulatedVocabulary.TurnEnd => SimulatedVocabulary.TurnEndText,
        _ => Encoding.UTF8.GetString(Piece(token)),
    };

    public IEnumerable<string> ControlTexts() => [SimulatedVocabulary.TurnStartText, SimulatedVocabulary.TurnEndText];

    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial) =>
        SimulatedVocabulary.Tokenize(text, parseSpecial);

    public string? Metadata(string key) => key is "general.name" or "general.architecture" ? "simulated" : null;

    public IChatTemplate CreateChatTemplate(Func<string, string> neutral, TimeProvider at) => this;

    /// <summary>ChatML.</summary>
    public string Render(
        IReadOnlyList<RequestMessage> messages, IReadOnlyList<RequestTool> tools, JsonElement? arguments = null)
    {
        var text = new StringBuilder();
        foreach (var message in messages)
            text.Append(SimulatedVocabulary.TurnStartText).Append(message.Role).Append('\n').Append(message.Content)
                .Append(SimulatedVocabulary.TurnEndText).Append('\n');
        return text.Append(SimulatedVocabulary.TurnStartText).Append("assistant\n").ToString();
    }

    public IModelContext CreateContext(NodeOptions node) => new SimulatedContext(options, node, time);

    /// <summary>A grammar that binds from the first token has no sampler: a simulation writes no JSON.</summary>
    public ITokenSampler? CreateSampler(GenerationRequest request) =>
        request.Sampling.Grammar is { HoldsFromStart: true } ? null : new SimulatedSampler(request, options);

    public void Dispose()
    {
        // Nothing is held.
    }
}
