using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Compiling;
using AgentRuntime.Sandboxes.Wasmtime.Execution;
using AgentRuntime.Sandboxes.Wasmtime.Loading;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Signals;

namespace AgentRuntime.Sandboxes.Wasmtime;

/// <summary>
/// WebAssembly 2.0 on Wasmtime through its C API: instances from a pool, stopped by epochs, optionally metered with
/// fuel, calls through the unchecked functions. Suspends and snapshots by replay (decision record 0131). Guests
/// must run on threads with 768 KiB of stack left, and these should be long-lived or end with <see
/// cref="LeaveThread"/>. Thread-safe. Disposing ends the compiler process that waits, if one does; modules stay.
/// </summary>
public sealed class WasmtimeEngine : IWasmEngine, IDisposable
{
    private const int CompilerStackBytes = 16 << 20;

    /// <summary>Machine code takes several times as many bytes as a module; for when nobody has counted.</summary>
    private const long CodePerByte = 5;

    private static int _overdue;
    private readonly WasmtimeLibrary _library;
    private readonly CompilerProcesses? _compilers;

    /// <summary>Makes the native engine, whose pool is reserved here.</summary>
    /// <exception cref="RuntimeErrorException">AR3018: the library is of another
    /// release, or cannot do without signals when it is to.</exception>
    public WasmtimeEngine(WasmtimeLibrary library, WasmtimeEngineOptions options)
    {
        _library = library;
        Options = options;
        Version = NativeEngine.Get(library, options, new EngineFlavour(Metered: false, options.PooledInstances > 0))
            .Version;
    }

    /// <inheritdoc/>
    public string Name => "wasmtime";

    /// <summary>The library's release, such as <c>36.0.14</c>; of 48 and 50 the first number alone.</summary>
    public string Version { get; }

    /// <inheritdoc/>
    public bool SupportsSuspension => true;

    /// <summary>How it uses the machine.</summary>
    public WasmtimeEngineOptions Options { get; }

    /// <summary>
    /// What compiles in processes of its own. Null compiles in this process, where nothing ends a compilation and it
    /// takes as much memory as it likes: for tests and benchmarks.
    /// </summary>
    public CompilerProgram? Compiler
    {
        get;
        init
        {
            field = value;
            _compilers = value is null ? null : new CompilerProcesses(value);
        }
    }

    /// <inheritdoc/>
    public IWasmModule Compile(ReadOnlyMemory<byte> wasm, CompileLimits limits, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(limits);
        if (wasm.Length > limits.MaxModuleBytes)
            throw new WasmModuleException(ModuleFault.TooLarge, $"module exceeds {limits.MaxModuleBytes} bytes", -1);
        cancellationToken.ThrowIfCancellationRequested();
        var scan = ModuleScan.Read(wasm.Span, limits, NativeRelease.Loaded);
        return new WasmtimeModule(this, wasm.ToArray(), scan, limits);
    }

    /// <inheritdoc/>
    public void Dispose() => _compilers?.Dispose();

    /// <inheritdoc/>
    public void LeaveThread() => GuestThread.Leave();

    /// <summary>Whether code looks at the epoch; always, but for the benchmark of what that costs.</summary>
    internal bool Watched { get; init; } = true;

    /// <summary>An engine without a pool, for what the pool has no room for.</summary>
    internal NativeEngine Unpooled =>
        NativeEngine.Get(_library, Options, new EngineFlavour(Metered: false, Pooled: false));

    /// <summary>For the corpus alone.</summary>
    internal CodeHandle CompileUnpooled(byte[] wasm, CompileLimits limits)
    {
        ModuleScan.Read(wasm, limits, NativeRelease.Loaded);
        return CompileHere(Unpooled, wasm, limits);
    }

    /// <summary>Compiles within the limits: of time, and where there is a <see cref="Compiler"/> of memory
    /// too.</summary>
    internal NativeCode CompileNative(byte[] wasm, ModuleScan scan, CompileLimits limits, bool metered)
    {
        var flavour = new EngineFlavour(metered, NativeEngine.Fits(scan, Options), Watched);
        var engine = NativeEngine.Get(_library, Options, flavour);
        return _compilers is null
            ? new NativeCode(engine, CompileHere(engine, wasm, limits), CodePerByte * wasm.Length)
            : CompileApart(_compilers, engine, wasm, limits, metered);
    }

    private NativeCode CompileApart(
        CompilerProcesses compilers, NativeEngine engine, byte[] wasm, CompileLimits limits, bool metered)
    {
        var job = new CompilerJob(
            _library.Named, metered, Options.MaxGuestStackBytes, Options.TrapsBySignals, compilers.MaxMemoryBytes);
        var code = compilers.Compile(job, wasm, limits.TimeFor(wasm.Length));
        return new NativeCode(engine, engine.Load(code), code.Length);
    }

    // The library cannot be told to stop, so that it works on a thread of its own, which goes on alone when the time is
    // over, and of which there are but a few.
    private CodeHandle CompileHere(NativeEngine engine, byte[] wasm, CompileLimits limits)
    {
        if (Volatile.Read(ref _overdue) >= Options.MaxOverdueCompilations)
            throw Busy(limits.MaxTime);
        var time = limits.TimeFor(wasm.Length);
        var compilation = new Compilation(engine, wasm);
        new Thread(compilation.Run, CompilerStackBytes) { IsBackground = true, Name = "wasmtime compiler" }.Start();
        if (!compilation.Wait(time))
            throw new WasmModuleException(ModuleFault.TooLarge, $"compilation took longer than {time}", -1);

        return compilation.Take();
    }

    // Says nothing of the module: others are to blame, and they come to an end.
    private static RuntimeErrorException Busy(TimeSpan retryAfter) => new(new RuntimeError(
        ReasonCodes.SandboxBusy,
        "The compiler still works on earlier modules that took longer than they may.",
        Action: "Try again later.")
    { RetryAfter = retryAfter });

    /// <summary>One call of the compiler, and who is left with what came of it.</summary>
    private sealed class Compilation(NativeEngine engine, byte[] wasm)
    {
        private readonly Lock _gate = new();
        private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private CodeHandle? _module;
        private string? _error;
        private bool _abandoned;

        public unsafe void Run()
        {
            nint module, error;
            fixed (byte* bytes = wasm) error = Api.ModuleNew(engine.Handle, bytes, (nuint)wasm.Length, &module);
            lock (_gate)
            {
                if (error != 0) _error = TrapTranslation.TakeError(error);
                else _module = new CodeHandle(module);
                if (_abandoned)
                {
                    Interlocked.Decrement(ref _overdue);
                    _module?.Dispose();
                }
            }

            _over.TrySetResult();
        }

        public bool Wait(TimeSpan limit)
        {
            if (_over.Task.Wait(limit)) return true;
            lock (_gate)
            {
                if (_module is not null || _error is not null) return true;
                _abandoned = true;
                Interlocked.Increment(ref _overdue);
                return false;
            }
        }

        public CodeHandle Take() => _module ?? throw ModuleFaults.From(_error!);
    }
}
