using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>
/// How much code a module may become. A byte of a body is three of IL as a rule, but one that moves a thousand values
/// is ten thousand: what counts is what is written, while it is written, and so does the time. Not thread-safe.
/// </summary>
internal sealed class EmissionBudget(Action checkTime)
{
    /// <summary>IL of one method. The JIT keeps about a hundred times as much while it works on it.</summary>
    private const int MaxMethodBytes = 4 << 20;

    /// <summary>IL of a module, and what its methods' signatures take.</summary>
    private const long MaxModuleBytes = 64 << 20;

    private const int BytesPerLook = 64 << 10;

    private int _seen;
    private int _untilLook = BytesPerLook;

    /// <summary>Bytes so far.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Starts another method.</summary>
    public void Begin() => _seen = 0;

    /// <summary>Notes how long the method is by now.</summary>
    /// <exception cref="WasmModuleException">Too long, or compiling takes too long.</exception>
    public void Reach(int methodBytes, int at)
    {
        if (methodBytes > MaxMethodBytes)
            throw new WasmModuleException(ModuleFault.TooLarge, "a function becomes too much code", at);
        Take(methodBytes - _seen);
        _seen = methodBytes;
    }

    /// <summary>Takes from what the module may have.</summary>
    /// <exception cref="WasmModuleException">The module is too long, or compiling takes too long.</exception>
    public void Take(int bytes)
    {
        UsedBytes += bytes;
        if (UsedBytes > MaxModuleBytes)
            throw new WasmModuleException(ModuleFault.TooLarge, "the module becomes too much code", -1);
        _untilLook -= bytes;
        if (_untilLook > 0) return;
        _untilLook = BytesPerLook;
        checkTime();
    }
}
