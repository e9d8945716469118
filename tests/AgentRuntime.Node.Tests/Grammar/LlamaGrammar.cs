using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using AgentRuntime.Node.Grammar;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Grammar;

/// <summary>
/// llama.cpp's own sampler of a grammar (llama-grammar.cpp): what ours is compared with, but for what must differ.
/// </summary>
internal sealed unsafe class LlamaGrammar : IDisposable
{
    private static readonly delegate* unmanaged<nint, byte*, byte*, nint> Init =
        (delegate* unmanaged<nint, byte*, byte*, nint>)NativeLibrary.GetExport(Library(), "llama_sampler_init_grammar");

    private readonly SamplerHandle _sampler = new();
    private readonly LlamaTokenData[] _candidates;

    public LlamaGrammar(LoadedModel model, OutputGrammar grammar)
    {
        _candidates = new LlamaTokenData[model.VocabularySize];
        fixed (byte* text = Encoding.UTF8.GetBytes(grammar.Gbnf.Replace(" @ ", " ", StringComparison.Ordinal) + "\0"))
        fixed (byte* root = "root\0"u8)
            Marshal.InitHandle(_sampler, Init(model.Vocabulary, text, root));
        if (_sampler.IsInvalid) throw new ArgumentException("llama.cpp does not read " + grammar.Gbnf, nameof(grammar));
    }

    /// <summary>Whether each token may come next.</summary>
    public bool[] Allowed()
    {
        for (var i = 0; i < _candidates.Length; i++) _candidates[i] = new() { Token = i };
        fixed (LlamaTokenData* data = _candidates)
        {
            var candidates = new LlamaTokenDataArray { Data = data, Size = (nuint)_candidates.Length, Selected = -1 };
            Llama.SamplerApply(_sampler, &candidates);
        }

        return [.. _candidates.Select(c => c.Logit == 0)];
    }

    /// <summary>Goes on with a token; false when it cannot come next.</summary>
    public bool Accept(int token)
    {
        var only = new LlamaTokenData { Token = token };
        var candidates = new LlamaTokenDataArray { Data = &only, Size = 1, Selected = -1 };
        Llama.SamplerApply(_sampler, &candidates);
        if (only.Logit != 0) return false;
        Llama.SamplerAccept(_sampler, token);
        return true;
    }

    public void Dispose() => _sampler.Dispose();

    /// <summary>The library that the node has loaded.</summary>
    private static nint Library() => NativeLibrary.Load(Process.GetCurrentProcess().Modules.Cast<ProcessModule>()
        .First(m => m.ModuleName.StartsWith("libllama", StringComparison.Ordinal)).FileName);
}
