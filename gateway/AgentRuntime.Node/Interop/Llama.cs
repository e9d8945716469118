using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary>The functions of llama.h v0.5.0 that load models and describe them.</summary>
internal static unsafe partial class Llama
{
    private const string Lib = LlamaLibrary.Name;

    [LibraryImport(Lib, EntryPoint = "llama_backend_init")]
    public static partial void BackendInit();

    [LibraryImport(Lib, EntryPoint = "llama_log_set")]
    public static partial void LogSet(delegate* unmanaged[Cdecl]<int, byte*, nint, void> callback, nint userData);

    [LibraryImport(Lib, EntryPoint = "llama_model_default_params")]
    public static partial LlamaModelParams ModelDefaultParams();

    [LibraryImport(Lib, EntryPoint = "llama_context_default_params")]
    public static partial LlamaContextParams ContextDefaultParams();

    [LibraryImport(Lib, EntryPoint = "llama_model_load_from_file")]
    public static partial ModelHandle ModelLoad(byte* path, LlamaModelParams parameters);

    [LibraryImport(Lib, EntryPoint = "llama_model_free")]
    public static partial void ModelFree(nint model);

    /// <summary>The model owns what is loaded; 0 when it does not load.</summary>
    [LibraryImport(Lib, EntryPoint = "llama_adapter_lora_init")]
    public static partial nint AdapterLoad(ModelHandle model, byte* path);

    [LibraryImport(Lib, EntryPoint = "llama_init_from_model")]
    public static partial ContextHandle ContextInit(ModelHandle model, LlamaContextParams parameters);

    [LibraryImport(Lib, EntryPoint = "llama_free")]
    public static partial void ContextFree(nint context);

    [LibraryImport(Lib, EntryPoint = "llama_version")]
    public static partial byte* Version();

    [LibraryImport(Lib, EntryPoint = "llama_max_parallel_sequences")]
    public static partial nuint MaxParallelSequences();

    [LibraryImport(Lib, EntryPoint = "llama_model_get_vocab")]
    public static partial nint ModelVocab(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_n_ctx_train")]
    public static partial int ModelTrainedContext(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_n_layer")]
    public static partial int ModelLayers(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_n_embd")]
    public static partial int ModelEmbedding(ModelHandle model);

    /// <summary>The length of the vectors that an embedding context gives.</summary>
    [LibraryImport(Lib, EntryPoint = "llama_model_n_embd_out")]
    public static partial int ModelEmbeddingOutput(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_n_params")]
    public static partial ulong ModelParameters(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_size")]
    public static partial ulong ModelBytes(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_is_recurrent")]
    public static partial byte ModelIsRecurrent(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_is_hybrid")]
    public static partial byte ModelIsHybrid(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_n_swa")]
    public static partial int ModelSlidingWindow(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_rope_type")]
    public static partial int ModelRopeType(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_has_encoder")]
    public static partial byte ModelHasEncoder(ModelHandle model);

    [LibraryImport(Lib, EntryPoint = "llama_model_chat_template")]
    public static partial byte* ModelChatTemplate(ModelHandle model, byte* name);

    [LibraryImport(Lib, EntryPoint = "llama_model_meta_val_str")]
    public static partial int ModelMetadata(ModelHandle model, byte* key, byte* buffer, nuint size);

    [LibraryImport(Lib, EntryPoint = "llama_chat_apply_template")]
    public static partial int ApplyChatTemplate(
        byte* template, LlamaChatMessage* messages, nuint count, byte addAssistant, byte* buffer, int length);
}
