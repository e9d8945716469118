using System.Collections.Frozen;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Embeddings;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Prompting;
using AgentRuntime.Prompts.Jinja;
using AgentRuntime.Prompts.ToolCalls;

namespace AgentRuntime.Node.Models;

/// <summary>
/// A GGUF model in memory with its vocabulary. Immutable and thread-safe; disposed after every context made from it.
/// </summary>
internal sealed class LoadedModel : IServedModel
{
    /// <summary>
    /// The bit of GGML_ROPE_TYPE_MROPE and its kin: several positions a cell, which moved state does not carry.
    /// </summary>
    private const int MultiRope = 8;

    /// <summary>
    /// Keeps summaries of what it has read, from which nothing can be taken away (llama-kv-cache-dsv4.cpp).
    /// </summary>
    private const string CompressedMemory = "deepseek4";

    private readonly nint _vocab;
    private readonly Dictionary<string, nint> _adapters = new(StringComparer.Ordinal);
    private readonly byte[]?[] _pieces;
    private readonly TextTokenizer _tokenizer;
    private readonly FrozenDictionary<int, byte[]> _markers;

    private LoadedModel(ModelHandle handle, string path, string digest, NodeOptions options)
    {
        Handle = handle;
        Path = path;
        Digest = digest;
        _vocab = Llama.ModelVocab(handle);
        VocabularySize = Llama.VocabSize(_vocab);
        TrainedContext = Llama.ModelTrainedContext(handle);
        Bos = Llama.VocabBos(_vocab);
        Eos = Llama.VocabEos(_vocab);
        Window = Llama.ModelSlidingWindow(handle);
        CanMoveState = !HasMultiRope(Llama.ModelRopeType(handle));
        CanShareCells = Llama.ModelIsRecurrent(handle) == 0 && Llama.ModelIsHybrid(handle) == 0
            && Metadata("general.architecture") != CompressedMemory;
        HasOwnAttention = options.Device == "cpu" && CanShareCells;
        HasWideCells = options.Exact && !HasOwnAttention;
        Generates = Metadata($"{Metadata("general.architecture")}.attention.causal") != "false";
        _pieces = new byte[VocabularySize][];
        Grammars = new(() => new(VocabularySize, token => Piece(token).ToArray(), EndsGeneration));
        _tokenizer = new(_vocab, VocabularySize, keepsBytes: Metadata("tokenizer.ggml.model") == "gpt2");
        _markers = ToolCallSyntaxes.Markers.Select(m => (Text: m, Tokens: Tokenize(m, false, parseSpecial: true)))
            .Where(m => m.Tokens is [var token] && Piece(token).IsEmpty)
            .ToFrozenDictionary(
                m => m.Tokens[0], m => (byte[])[CallGrammar.Control, .. Encoding.UTF8.GetBytes(m.Text)]);
        CallGrammars = new(() => new(VocabularySize, token => CallGrammarPiece(token).ToArray(), EndsGeneration));
    }

    public ModelHandle Handle { get; }

    public string Path { get; }

    /// <summary>Content address of the weights, 64 hex digits; see <see cref="ModelDigest"/>.</summary>
    public string Digest { get; }

    public string StateFormat => HasWideCells ? "llama-0.5.0/f32" : "llama-0.5.0/f16";

    public IReadOnlyList<ServedAdapter> Adapters { get; private set; } = [];

    public bool Generates { get; }

    public nint Vocabulary => _vocab;

    public int VocabularySize { get; }

    public int TrainedContext { get; }

    public int Bos { get; }

    public int Eos { get; }

    /// <summary>Whether cells can be copied between sequences; false for recurrent and compressed state.</summary>
    public bool CanShareCells { get; }

    /// <summary>
    /// Whether a range of a sequence's state can be moved; false where cells hold more than one position.
    /// </summary>
    public bool CanMoveState => field && CanShareCells;

    /// <summary>Tokens that layers with a sliding window see; 0 where all layers see all.</summary>
    public int Window { get; }

    public int MostMovedTokens => Window > 0 ? Window : int.MaxValue;

    /// <summary>Whether attention is computed by this program (decision 0310) and not by llama.cpp.</summary>
    public bool HasOwnAttention { get; }

    /// <summary>Whether cells are 32-bit floats instead of 16-bit ones (decision 0304).</summary>
    public bool HasWideCells { get; }

    /// <summary>The grammars that answers are written by.</summary>
    public TokenGrammars Grammars { get; }

    /// <summary>The grammars of calls, which have the control tokens that mark them.</summary>
    public TokenGrammars CallGrammars { get; }

    /// <summary>Loads a model.</summary>
    /// <exception cref="RuntimeErrorException">AR8004 no library; AR4010 the file is not a model that
    /// loads.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, which is seen between tensors.</exception>
    public static LoadedModel Load(NodeOptions options, CancellationToken cancellationToken = default)
    {
        var path = options.ModelPath;
        CheckFile(path, "there is no such file");
        var header = GgufHeader.Read(path);
        if (header.HasTokenTwice) throw Invalid(path, "its vocabulary has a token twice");
        if (ModelFaults.OfTensors(header.Tensors) is { } odd) throw Invalid(path, odd);
        var digest = ModelDigest.Compute(path);
        NativeLog.TakeErrors();
        var parameters = Llama.ModelDefaultParams();
        parameters.GpuLayers = options.GpuLayers;
        parameters.CheckTensors = 1;
        var handle = LoadFile(path, parameters, cancellationToken);
        if (handle.IsInvalid)
        {
            handle.Dispose();
            cancellationToken.ThrowIfCancellationRequested();
            throw Invalid(path, NativeLog.TakeErrors() ?? "llama.cpp does not load it");
        }

        if (Llama.ModelHasEncoder(handle) != 0)
        {
            handle.Dispose();
            throw Invalid(path, "it is an encoder; the node serves decoder models");
        }

        Check(handle, path);
        var model = new LoadedModel(handle, path, digest, options);
        try
        {
            if (ModelFaults.OfNumbers(model.Metadata) is { } fault) throw Invalid(path, fault);
            List<ServedAdapter> adapters = [];
            foreach (var adapter in options.Adapters)
            {
                cancellationToken.ThrowIfCancellationRequested();
                model.LoadAdapter(adapter, header.Tensors);
                adapters.Add(new(adapter.Name, adapter.Path, ModelDigest.Compute(adapter.Path)));
            }

            model.Adapters = adapters;
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Loads the vocabulary, the metadata and the chat template, and none of the weights.</summary>
    /// <exception cref="RuntimeErrorException">AR8004 no library; AR4010 the file is not a model that
    /// loads.</exception>
    public static LoadedModel LoadVocabulary(string path)
    {
        CheckFile(path, "there is no such file");
        NativeLog.TakeErrors();
        var parameters = Llama.ModelDefaultParams();
        parameters.VocabOnly = 1;
        var handle = LoadFile(path, parameters, CancellationToken.None);
        if (handle.IsInvalid)
        {
            handle.Dispose();
            throw Invalid(path, NativeLog.TakeErrors() ?? "llama.cpp does not load it");
        }

        Check(handle, path);
        return new(handle, path, digest: "", new() { ModelPath = path });
    }

    /// <summary>The native adapter; the model owns it.</summary>
    public nint AdapterHandle(string name) => _adapters[name];

    public bool EndsGeneration(int token) => Llama.VocabIsEndOfGeneration(_vocab, token) != 0;

    /// <summary>The bytes that a token adds to a text; empty for control tokens.</summary>
    public ReadOnlySpan<byte> Piece(int token)
    {
        if (_pieces[token] is { } known) return known;
        var piece = ReadPiece(token, special: false);
        Volatile.Write(ref _pieces[token], piece);
        return piece;
    }

    public ReadOnlySpan<byte> CallPiece(int token) =>
        _markers.TryGetValue(token, out var marker) ? marker.AsSpan(1) : Piece(token);

    /// <summary>As <see cref="CallPiece"/>, for grammars of calls, which tell control tokens from text.</summary>
    public ReadOnlySpan<byte> CallGrammarPiece(int token)
    {
        if (_markers.TryGetValue(token, out var marker)) return marker;
        var piece = Piece(token);
        return piece.Contains(CallGrammar.Control) ? [] : piece;
    }

    /// <summary>How the control tokens are spelled, longest first.</summary>
    public IEnumerable<string> ControlTexts() => Enumerable.Range(0, VocabularySize)
        .Where(token => Llama.VocabIsControl(_vocab, token) != 0)
        .Select(TokenText).Where(text => text.Length > 1).OrderByDescending(text => text.Length);

    /// <summary>A token as text, control tokens included.</summary>
    public string TokenText(int token) => Encoding.UTF8.GetString(ReadPiece(token, special: true));

    /// <summary>Text to tokens. Control tokens in <paramref name="text"/> are recognized only on demand.</summary>
    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial) =>
        _tokenizer.Tokenize(text, addSpecial, parseSpecial);

    public int LeastTokens(string text) => _tokenizer.LeastTokens(text);

    public string EndOf(string text, int tokens) => _tokenizer.EndOf(text, tokens);

    /// <summary>A metadata value as text; null when absent.</summary>
    public unsafe string? Metadata(string key)
    {
        var buffer = new byte[4096];
        while (true)
        {
            fixed (byte* name = Encoding.UTF8.GetBytes(key + "\0"))
            fixed (byte* target = buffer)
            {
                // As snprintf: how long the value is, whatever of it and a zero had room.
                var length = Llama.ModelMetadata(Handle, name, target, (nuint)buffer.Length);
                if (length < 0) return null;
                if (length < buffer.Length) return Encoding.UTF8.GetString(buffer, 0, length);
                buffer = new byte[length + 1];
            }
        }
    }

    public IChatTemplate CreateChatTemplate(Func<string, string> neutral, TimeProvider time)
    {
        if (ChatTemplate(null) is not { } own) return new KnownChatTemplate(null, null);
        try
        {
            var source = new ChatTemplateSource(
                own, ChatTemplate("tool_use"), SpecialText(Bos), SpecialText(Eos),
                Bos >= 0 && Tokenize("a", addSpecial: true, parseSpecial: false)[0] == Bos);
            return new JinjaChatTemplate(source, neutral, time);
        }
        catch (JinjaException e)
        {
            return new KnownChatTemplate(own, e.Message);
        }
    }

    public IModelContext CreateContext(NodeOptions options)
    {
        Grammars.Prepare();
        CallGrammars.Prepare();
        return new LlamaContext(this, options);
    }

    public ITextEmbedder? CreateEmbedder(NodeOptions options) => LlamaEmbedder.Create(this, options);

    public ITokenSampler? CreateSampler(GenerationRequest request) =>
        TokenSampler.Create(request, this);

    public void Dispose() => Handle.Dispose();

    /// <summary>The chat template of a name that the file carries, or its first one; null for none.</summary>
    private unsafe string? ChatTemplate(string? name)
    {
        fixed (byte* text = name is null ? null : Encoding.UTF8.GetBytes(name + "\0"))
            return Marshal.PtrToStringUTF8((nint)Llama.ModelChatTemplate(Handle, text));
    }

    private string SpecialText(int token) => token < 0 ? "" : TokenText(token);

    private unsafe void LoadAdapter(AdapterOptions adapter, IReadOnlyList<GgufTensor> model)
    {
        CheckFile(adapter.Path, "there is no such adapter");
        if (ModelFaults.OfAdapter(GgufHeader.Read(adapter.Path).Tensors, model) is { } fault)
            throw Invalid(adapter.Path, fault);
        NativeLog.TakeErrors();
        fixed (byte* path = Encoding.UTF8.GetBytes(adapter.Path + "\0"))
        {
            var handle = Llama.AdapterLoad(Handle, path);
            if (handle == 0)
                throw Invalid(adapter.Path, NativeLog.TakeErrors() ?? "llama.cpp does not load the adapter");
            _adapters[adapter.Name] = handle;
        }
    }

    /// <summary>Refuses what is not there, and what may never come to an end, as a device or a pipe.</summary>
    private static void CheckFile(string path, string missing)
    {
        if (!File.Exists(path)) throw Invalid(path, missing);
        if (new FileInfo(path).Length == 0) throw Invalid(path, "it is empty");
    }

    /// <summary>Lets a model go with whose vocabulary no text can be read.</summary>
    private static void Check(ModelHandle handle, string path)
    {
        if (ModelFaults.OfVocabulary(Llama.ModelVocab(handle)) is not { } fault) return;
        handle.Dispose();
        throw Invalid(path, fault);
    }

    private static bool HasMultiRope(int ropeType) => ropeType > 0 && (ropeType & MultiRope) != 0;

    private static unsafe ModelHandle LoadFile(
        string path, LlamaModelParams parameters, CancellationToken cancellationToken)
    {
        using var stop = new LoadStop(cancellationToken);
        parameters.ProgressCallback = LoadStop.Callback;
        parameters.ProgressCallbackUserData = stop.UserData;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
            return Llama.ModelLoad(name, parameters);
    }

    private static RuntimeErrorException Invalid(string path, string reason) => new(new(
        ReasonCodes.InvalidModelFile,
        string.Create(CultureInfo.InvariantCulture, $"the model file cannot be loaded: {reason}"),
        System.IO.Path.GetFileName(path),
        "Give a GGUF file of a decoder model that llama.cpp v0.5.0 supports."));

    private unsafe byte[] ReadPiece(int token, bool special)
    {
        Span<byte> buffer = stackalloc byte[256];
        fixed (byte* target = buffer)
        {
            var flag = special ? (byte)1 : (byte)0;
            var length = Llama.TokenToPiece(_vocab, token, target, buffer.Length, 0, flag);
            if (length >= 0) return buffer[..length].ToArray();
            var large = new byte[-length];
            fixed (byte* again = large) length = Llama.TokenToPiece(_vocab, token, again, large.Length, 0, flag);
            return large[..Math.Max(0, length)];
        }
    }
}
