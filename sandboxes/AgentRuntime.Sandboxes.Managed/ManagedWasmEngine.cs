using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Validation;

namespace AgentRuntime.Sandboxes.Managed;

/// <summary>
/// WebAssembly 2.0 compiled to IL, which the runtime's JIT turns into machine code. Needs nothing installed, and its
/// safety does not hang on the compiler being right (decision record 0100). Thread-safe; holds no state.
/// </summary>
public sealed class ManagedWasmEngine : IWasmEngine
{
    /// <inheritdoc/>
    public string Name => "managed";

    /// <inheritdoc/>
    public bool SupportsSuspension => false;

    /// <inheritdoc/>
    public IWasmModule Compile(ReadOnlyMemory<byte> wasm, CompileLimits limits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var started = Stopwatch.GetTimestamp();
        var model = ModuleDecoder.Decode(wasm.ToArray(), limits);
        var facts = ModuleValidator.Validate(model, limits, CheckTime);
        var code = ModuleEmitter.Emit(model, facts, metered: false, CheckTime);
        return new ManagedModule(model, code);

        void CheckTime()
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Stopwatch.GetElapsedTime(started) > limits.MaxTime)
                throw new WasmModuleException(ModuleFault.TooLarge, $"compilation took longer than {limits.MaxTime}", -1);
        }
    }
}
