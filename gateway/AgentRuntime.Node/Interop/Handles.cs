using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary>Owns a <c>llama_model</c>.</summary>
internal sealed class ModelHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Llama.ModelFree(handle);
        return true;
    }
}

/// <summary>Owns a <c>llama_context</c>. Used by one thread at a time; freed before its model.</summary>
internal sealed class ContextHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Llama.ContextFree(handle);
        return true;
    }
}

/// <summary>Owns a sampler, and of a chain every sampler that was added to it.</summary>
internal sealed class SamplerHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        Llama.SamplerFree(handle);
        return true;
    }
}
