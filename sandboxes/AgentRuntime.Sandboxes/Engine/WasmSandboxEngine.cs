using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;

namespace AgentRuntime.Sandboxes.Engine;

/// <summary>
/// Runs guests of the agent world on a WebAssembly engine: compiles off the request path, checks what a module imports
/// and exports, and gives each guest its limits. Thread-safe. Disposing ends the idle threads; dispose the sandboxes
/// first.
/// </summary>
public sealed class WasmSandboxEngine : ISandboxEngine, IDisposable
{
    private readonly SandboxEngineOptions _options;
    private readonly GuestThreads _compilers;
    private readonly ModuleCache<WasmSandboxModule> _modules;
    private readonly SharedCode _code;

    /// <summary>Makes an engine.</summary>
    /// <param name="engine">What compiles and runs modules.</param>
    /// <param name="options">How much of the machine to use.</param>
    /// <param name="time">The clock that guests see and that their CPU time is measured on.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public WasmSandboxEngine(IWasmEngine engine, SandboxEngineOptions options, TimeProvider time)
    {
        options.Validate();
        Core = engine;
        Time = time;
        _options = options;
        _compilers = new GuestThreads(
            "wasm compiler", options.MaxCompilations, options.MaxWaitingCompilations, options.GuestStackBytes);
        Threads = new GuestThreads(
            "wasm guest",
            options.MaxGuestThreads,
            options.MaxWaitingGuests,
            options.GuestStackBytes,
            engine.LeaveThread);
        _modules = new ModuleCache<WasmSandboxModule>(options.MaxCachedModules, options.MaxCachedBytes, m => m.Weight);
        _code = new SharedCode(wasm => InLineAsync(() => Compile(wasm)));
    }

    /// <inheritdoc/>
    public string Name => Core.Name;

    internal IWasmEngine Core { get; }

    internal TimeProvider Time { get; }

    internal GuestThreads Threads { get; }

    /// <inheritdoc/>
    public async ValueTask<ISandboxModule> CompileAsync(
        ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken)
    {
        if (wasm.Length > _options.Compile.MaxModuleBytes)
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.ModuleTooLarge,
                $"The module has {wasm.Length} bytes; {_options.Compile.MaxModuleBytes} are accepted."));
        }
        var digest = ModuleDigest.Of(wasm.Span);
        // The compilation is shared by all that wait for it, so that one of them giving up must not end it.
        return await _modules.GetOrAdd(digest, () => LoadAsync(digest, wasm)).WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ISandboxModule? Find(ModuleDigest digest) => _modules.Find(digest);

    /// <inheritdoc/>
    public void Dispose()
    {
        _compilers.Dispose();
        Threads.Dispose();
    }

    /// <summary>
    /// Compiles what guests of a module need beside its code, in the same line; the module weighs what it has become.
    /// Who gives up does not end what was begun.
    /// </summary>
    internal Task PrepareAsync(
        WasmSandboxModule module,
        IReadOnlyList<HostFunction> functions,
        SandboxLimits limits,
        CancellationToken cancellationToken) => InLineAsync(
        () =>
        {
            module.Code.Prepare(functions, TrapErrors.CoreLimits(limits));
            _modules.WeighAgain(module.Digest);
            return module;
        }).WaitAsync(cancellationToken);

    private async Task<WasmSandboxModule> LoadAsync(ModuleDigest digest, ReadOnlyMemory<byte> wasm)
    {
        var sections = ModuleSections.Read(wasm);
        var code = sections.Settings.Count == 0
            ? await InLineAsync(() => Compile(wasm))
            : await _code.GetOrCompile(sections.Code);
        return new WasmSandboxModule(this, digest, code, sections);
    }

    // All that compiles does so here, whoever it is for: no more is compiled at once than may be.
    private async Task<T> InLineAsync<T>(Func<T> compile)
    {
        var compiled = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _compilers.StartAsync(
            () =>
            {
                try
                {
                    compiled.SetResult(compile());
                }
                catch (WasmModuleException e)
                {
                    compiled.SetException(Refused(e));
                }
                catch (Exception e)
                {
                    compiled.SetException(e);
                }
            },
            CancellationToken.None);
        return await compiled.Task;
    }

    private IWasmModule Compile(ReadOnlyMemory<byte> wasm)
    {
        var module = Core.Compile(wasm, _options.Compile, CancellationToken.None);
        // What may block decides what code is emitted; done here, it does not hold up the first run.
        module.Prepare(
            ModuleShape.Unbound(ModuleShape.Link(module.Imports)), TrapErrors.CoreLimits(new SandboxLimits()));
        return module;
    }

    private static RuntimeErrorException Refused(WasmModuleException e) => new(
        new RuntimeError(
            e.Fault == ModuleFault.TooLarge ? ReasonCodes.ModuleTooLarge : ReasonCodes.InvalidModule,
            e.Fault == ModuleFault.TooLarge
                ? $"The module is beyond a limit of the compiler: {e.Message}."
                : $"The bytes are not a valid WebAssembly 2.0 module: {e.Message}.",
            e.Offset < 0 ? null : $"offset 0x{e.Offset:x}"),
        e);
}
