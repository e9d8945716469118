using AgentRuntime.Node.Embeddings;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Prompting;

namespace AgentRuntime.Node.Models;

/// <summary>
/// The model that a node serves, and the seam between what is shared by every node (wires, batching, prefix cache) and
/// what computes: llama.cpp, or the simulation. Immutable and thread-safe; disposed after every context made from it.
/// </summary>
internal interface IServedModel : IDisposable
{
    /// <summary>The model's file; for a simulation a name.</summary>
    string Path { get; }

    /// <summary>Content address of the weights, 64 hex digits: what two nodes compare before they move state.</summary>
    string Digest { get; }

    /// <summary>What moved state is made of: compared before it is used.</summary>
    string StateFormat { get; }

    int VocabularySize { get; }

    /// <summary>The token that begins a text; -1 for none.</summary>
    int Bos { get; }

    /// <summary>The token that ends a text; -1 for none.</summary>
    int Eos { get; }

    /// <summary>Whether cells can be copied between sequences.</summary>
    bool CanShareCells { get; }

    /// <summary>Whether a range of a sequence's state can be moved to another node.</summary>
    bool CanMoveState { get; }

    /// <summary>Tokens whose state can be moved as one; layers with a window have no more than it.</summary>
    int MostMovedTokens => int.MaxValue;

    /// <summary>LoRA adapters that requests may name.</summary>
    IReadOnlyList<ServedAdapter> Adapters => [];

    /// <summary>Whether it writes text; false for a model that only embeds, whose tokens look ahead.</summary>
    bool Generates => true;

    /// <summary>Whether it stands for whatever model a request names: a simulation does.</summary>
    bool AnswersToAnyName => false;

    /// <summary>Whether a token ends the answer.</summary>
    bool EndsGeneration(int token);

    /// <summary>The bytes that a token adds to a text; empty for control tokens.</summary>
    ReadOnlySpan<byte> Piece(int token);

    /// <summary>
    /// As <see cref="Piece"/>, with control tokens that mark calls spelled out: what an answer is read by that may have
    /// calls in it.
    /// </summary>
    ReadOnlySpan<byte> CallPiece(int token) => Piece(token);

    /// <summary>A token as text, control tokens included.</summary>
    string TokenText(int token);

    /// <summary>How the control tokens are spelled, longest first.</summary>
    IEnumerable<string> ControlTexts();

    /// <summary>Text to tokens. Control tokens in <paramref name="text"/> are recognized only on demand.</summary>
    int[] Tokenize(string text, bool addSpecial, bool parseSpecial);

    /// <summary>
    /// The least tokens that a text has, known by its length alone; 0 where nothing is: what is too long by far is
    /// refused without the time that reading it takes.
    /// </summary>
    int LeastTokens(string text) => 0;

    /// <summary>
    /// The end of a text, of at least so many tokens and not many more than they may be long: its last tokens are those
    /// of the whole. The text itself where it is no longer than that, or nothing is known by its length.
    /// </summary>
    string EndOf(string text, int tokens) => text;

    /// <summary>A metadata value as text; null when absent.</summary>
    string? Metadata(string key);

    /// <summary>Makes what renders conversations into the text that the model reads.</summary>
    /// <param name="neutral">Takes the spelling of control tokens out of a client's text.</param>
    /// <param name="time">What day it is.</param>
    IChatTemplate CreateChatTemplate(Func<string, string> neutral, TimeProvider time);

    /// <summary>Makes what computes; owned by the engine's thread.</summary>
    IModelContext CreateContext(NodeOptions options);

    /// <summary>Makes what embeds texts; null where the model has no embeddings.</summary>
    ITextEmbedder? CreateEmbedder(NodeOptions options) => null;

    /// <summary>Makes what chooses a request's tokens; null when it cannot be held to the request's grammar.</summary>
    ITokenSampler? CreateSampler(GenerationRequest request);
}
