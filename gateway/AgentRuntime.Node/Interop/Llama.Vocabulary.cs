using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <content>Vocabulary and tokenization; all of it is thread-safe in llama.cpp.</content>
internal static unsafe partial class Llama
{
    [LibraryImport(Lib, EntryPoint = "llama_vocab_n_tokens")]
    public static partial int VocabSize(nint vocab);

    /// <summary>llama_vocab_type.</summary>
    [LibraryImport(Lib, EntryPoint = "llama_vocab_type")]
    public static partial int VocabType(nint vocab);

    /// <summary>A token's llama_token_attr.</summary>
    [LibraryImport(Lib, EntryPoint = "llama_vocab_get_attr")]
    public static partial int VocabAttributes(nint vocab, int token);

    /// <summary>How the file spells a token, in UTF-8.</summary>
    public static byte[] VocabText(nint vocab, int token) =>
        MemoryMarshal.CreateReadOnlySpanFromNullTerminated(VocabTextPointer(vocab, token)).ToArray();

    [LibraryImport(Lib, EntryPoint = "llama_vocab_get_text")]
    private static partial byte* VocabTextPointer(nint vocab, int token);

    [LibraryImport(Lib, EntryPoint = "llama_vocab_is_eog")]
    public static partial byte VocabIsEndOfGeneration(nint vocab, int token);

    [LibraryImport(Lib, EntryPoint = "llama_vocab_is_control")]
    public static partial byte VocabIsControl(nint vocab, int token);

    [LibraryImport(Lib, EntryPoint = "llama_vocab_bos")]
    public static partial int VocabBos(nint vocab);

    [LibraryImport(Lib, EntryPoint = "llama_vocab_eos")]
    public static partial int VocabEos(nint vocab);

    [LibraryImport(Lib, EntryPoint = "llama_vocab_get_add_bos")]
    public static partial byte VocabAddBos(nint vocab);

    [LibraryImport(Lib, EntryPoint = "llama_vocab_get_add_eos")]
    public static partial byte VocabAddEos(nint vocab);

    [LibraryImport(Lib, EntryPoint = "llama_tokenize")]
    public static partial int Tokenize(
        nint vocab, byte* text, int textLength, int* tokens, int maxTokens, byte addSpecial, byte parseSpecial);

    [LibraryImport(Lib, EntryPoint = "llama_token_to_piece")]
    public static partial int TokenToPiece(nint vocab, int token, byte* buffer, int length, int leftStrip,
        byte special);
}
