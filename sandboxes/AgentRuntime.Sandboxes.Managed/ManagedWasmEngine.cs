using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Runtime;
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
    public bool SupportsSuspension => true;

    /// <summary>2 GiB less one page: a memory is one managed array.</summary>
    public long MaxMemoryBytes => LinearMemory.MaxBytes;

    /// <inheritdoc/>
    public IWasmModule Compile(ReadOnlyMemory<byte> wasm, CompileLimits limits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var checkTime = Deadline(limits, cancellationToken);
        if (wasm.Length > limits.MaxModuleBytes)
            throw new WasmModuleException(ModuleFault.TooLarge, $"module exceeds {limits.MaxModuleBytes} bytes", -1);
        var model = ModuleDecoder.Decode(wasm.ToArray(), limits, checkTime);
        var module = new ManagedModule(model, ModuleValidator.Validate(model, limits, checkTime), limits);
        // With imports it is not known yet which of them may block: Prepare or the first Instantiate says.
        if (model.ImportedFunctions == 0) module.Code(new CodeVariant([], metered: false));
        return module;
    }

    /// <summary>For the benchmark alone: an instance whose code nothing can stop.</summary>
    internal static IWasmInstance WithoutEpochs(IWasmModule module, InstanceLimits limits) =>
        ((ManagedModule)module).Link([], new ValueBuffer(), limits,
            new CodeVariant([], metered: false, watched: false));

    /// <summary>A check that throws once the time of one compilation is over.</summary>
    internal static Action Deadline(CompileLimits limits, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        return () =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Stopwatch.GetElapsedTime(started) > limits.MaxTime)
                throw new WasmModuleException(ModuleFault.TooLarge, $"compilation took longer than {limits.MaxTime}",
                    -1);
        };
    }
}
