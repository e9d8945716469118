using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <content>Samplers. A chain owns what is added to it.</content>
internal static unsafe partial class Llama
{
    /// <summary>The parameter is <c>llama_sampler_chain_params</c>, a struct of one C <c>bool</c> (no_perf).</summary>
    [LibraryImport(Lib, EntryPoint = "llama_sampler_chain_init")]
    public static partial SamplerHandle SamplerChain(byte noPerf);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_chain_add")]
    public static partial void SamplerAdd(SamplerHandle chain, nint sampler);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_free")]
    public static partial void SamplerFree(nint sampler);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_apply")]
    public static partial void SamplerApply(SamplerHandle sampler, LlamaTokenDataArray* candidates);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_accept")]
    public static partial void SamplerAccept(SamplerHandle sampler, int token);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_init_greedy")]
    public static partial nint SamplerGreedy();

    [LibraryImport(Lib, EntryPoint = "llama_sampler_init_dist")]
    public static partial nint SamplerDistribution(uint seed);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_init_top_k")]
    public static partial nint SamplerTopK(int k);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_init_top_p")]
    public static partial nint SamplerTopP(float p, nuint minKeep);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_init_min_p")]
    public static partial nint SamplerMinP(float p, nuint minKeep);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_init_temp")]
    public static partial nint SamplerTemperature(float temperature);

    [LibraryImport(Lib, EntryPoint = "llama_sampler_init_penalties")]
    public static partial nint SamplerPenalties(int vocabSize, int lastN, float repeat, float frequency,
        float presence);
}
