using System.Runtime.CompilerServices;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Engine;

/// <summary>What is kept of modules, and that it is counted.</summary>
public sealed class ModuleMemoryTests
{
    [Fact]
    public async Task Code_that_nothing_uses_any_more_is_not_kept()
    {
        var compilations = 0;
        var code = new SharedCode(_ =>
        {
            compilations++;
            return Task.FromResult<IWasmModule>(new ScriptedModule(static _ => 0));
        });

        var used = await code.GetOrCompile(ScriptedEngine.Bytes(1));
        await ForgetAsync();
        Collect();

        Assert.Same(used, await code.GetOrCompile(ScriptedEngine.Bytes(1)));
        Assert.Equal(2, compilations);
        await ForgetAsync();
        Assert.Equal(3, compilations);

        [MethodImpl(MethodImplOptions.NoInlining)]
        async Task ForgetAsync() => await code.GetOrCompile(ScriptedEngine.Bytes(2));
    }

    [Fact]
    public async Task Code_is_compiled_once_for_all_that_ask_meanwhile_and_again_after_a_failure()
    {
        var compilations = 0;
        var compiled = new TaskCompletionSource<IWasmModule>();
        var code = new SharedCode(_ =>
        {
            compilations++;
            return compiled.Task;
        });
        var first = code.GetOrCompile(ScriptedEngine.Bytes());
        var second = code.GetOrCompile(ScriptedEngine.Bytes());
        compiled.SetException(new InvalidOperationException("too slow"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await Assert.ThrowsAsync<InvalidOperationException>(() => second);
        Assert.Equal(1, compilations);

        compiled = new TaskCompletionSource<IWasmModule>();
        compiled.SetResult(new ScriptedModule(static _ => 0));
        Assert.NotNull(await code.GetOrCompile(ScriptedEngine.Bytes()));
        Assert.Equal(2, compilations);
    }

    [Fact]
    public void A_compiled_module_keeps_nothing_of_its_bytes()
    {
        using var engine = new WasmSandboxEngine(new ScriptedEngine(suspends: true), new(), TimeProvider.System);
        var (kept, bytes) = Made(engine);

        Collect();

        Assert.False(bytes.IsAlive);
        Assert.NotNull(kept.Instantiate(new(), new RecordedLog()));
    }

    [Fact]
    public async Task Code_that_is_made_for_a_guest_with_fuel_counts_from_then_on()
    {
        var core = new ScriptedEngine(suspends: true);
        using var engine = new WasmSandboxEngine(core, new() { MaxCachedBytes = 250 }, TimeProvider.System);
        var grown = core.Module = new ScriptedModule(static guest => guest.Ok("")) { SizeBytes = 100 };
        var module = await engine.CompileAsync(ScriptedEngine.Bytes(1), default);
        core.Module = new ScriptedModule(static _ => 0) { SizeBytes = 100 };
        await engine.CompileAsync(ScriptedEngine.Bytes(2), default);
        await engine.CompileAsync(ScriptedEngine.Bytes(1), default);
        Assert.Equal(2, core.Compilations);

        grown.SizeBytes = 200;
        await using (var sandbox = module.Instantiate(new() { Fuel = 1_000 }, new RecordedLog()))
            Assert.IsType<SandboxStep.Finished>(await sandbox.StartAsync("", default));
        await engine.CompileAsync(ScriptedEngine.Bytes(1), default);
        Assert.Equal(2, core.Compilations);

        await engine.CompileAsync(ScriptedEngine.Bytes(2), default);
        Assert.Equal(3, core.Compilations);
    }

    // On a frame of its own, so that the bytes are in no local any more.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (ISandboxModule Module, WeakReference Bytes) Made(WasmSandboxEngine engine)
    {
        var wasm = ScriptedEngine.Bytes();
        var module = new WasmSandboxModule(
            engine, ModuleDigest.Of(wasm), new ScriptedModule(static _ => 0), ModuleSections.Read(wasm));
        return (module, new WeakReference(wasm));
    }

    private static void Collect()
    {
#pragma warning disable RS0030 // What a collection finds is what is tested.
        GC.Collect();
#pragma warning restore RS0030
    }
}
