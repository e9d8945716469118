using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Engine;

public sealed class CompilationTests
{
    private readonly ScriptedEngine _core = new(suspends: true);

    [Fact]
    public async Task The_same_bytes_are_compiled_once_for_all_that_ask_at_once()
    {
        using var engine = Engine();
        _core.MayCompile.Reset();
        var asked = Enumerable.Range(0, 8)
            .Select(_ => engine.CompileAsync(ScriptedEngine.Bytes(), default).AsTask()).ToArray();
        _core.MayCompile.Set();

        var modules = await Task.WhenAll(asked);

        Assert.Single(modules.Distinct());
        Assert.Equal(1, _core.Compilations);
        Assert.Equal(ModuleDigest.Of(ScriptedEngine.Bytes()), modules[0].Digest);
    }

    [Fact]
    public async Task One_that_gives_up_waiting_does_not_end_the_compilation_for_the_others()
    {
        using var engine = Engine();
        using var givingUp = new CancellationTokenSource();
        _core.MayCompile.Reset();
        var impatient = engine.CompileAsync(ScriptedEngine.Bytes(), givingUp.Token).AsTask();
        var patient = engine.CompileAsync(ScriptedEngine.Bytes(), default).AsTask();

        await givingUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        _core.MayCompile.Set();

        Assert.NotNull(await patient);
        Assert.Equal(1, _core.Compilations);
    }

    [Fact]
    public async Task The_least_recently_used_module_is_dropped()
    {
        using var engine = Engine(new() { MaxCachedModules = 2 });
        foreach (var number in new byte[] { 1, 2, 1, 3, 1 })
        {
            await engine.CompileAsync(ScriptedEngine.Bytes(number), default);
        }

        Assert.Equal(3, _core.Compilations);

        await engine.CompileAsync(ScriptedEngine.Bytes(2), default);

        Assert.Equal(4, _core.Compilations);
    }

    [Fact]
    public async Task A_module_is_found_once_it_is_compiled_and_as_long_as_it_is_kept()
    {
        using var engine = Engine(new() { MaxCachedModules = 2 });
        var first = ModuleDigest.Of(ScriptedEngine.Bytes(1));
        _core.MayCompile.Reset();
        var compiling = engine.CompileAsync(ScriptedEngine.Bytes(1), default).AsTask();
        Assert.Null(engine.Find(first));
        _core.MayCompile.Set();
        var module = await compiling;
        await engine.CompileAsync(ScriptedEngine.Bytes(2), default);

        // Found, it is the newest.
        Assert.Same(module, engine.Find(first));
        await engine.CompileAsync(ScriptedEngine.Bytes(3), default);
        Assert.Same(module, engine.Find(first));
        Assert.Null(engine.Find(ModuleDigest.Of(ScriptedEngine.Bytes(2))));
    }

    [Fact]
    public async Task Modules_that_take_too_many_bytes_together_are_dropped_oldest_first()
    {
        using var engine = Engine(new() { MaxCachedBytes = 250 });
        foreach (var number in new byte[] { 1, 2, 1, 3, 1 }) await CompileAsync(number, 100);
        Assert.Equal(3, _core.Compilations);

        await CompileAsync(2, 100);
        Assert.Equal(4, _core.Compilations);

        // One that is larger than all may be is kept until the next comes.
        await CompileAsync(4, 1_000);
        await CompileAsync(4, 1_000);
        Assert.Equal(5, _core.Compilations);

        async Task CompileAsync(byte number, long sizeBytes)
        {
            _core.Module = new ScriptedModule(static _ => 0) { SizeBytes = sizeBytes };
            await engine.CompileAsync(ScriptedEngine.Bytes(number), default);
        }
    }

    [Fact]
    public async Task Scripts_weigh_what_they_are_and_the_engine_that_they_share_once()
    {
        using var engine = Engine(new() { MaxCachedBytes = 1_000 });
        _core.Module = new ScriptedModule(static _ => 0) { SizeBytes = 150 };
        var kept = new List<ISandboxModule>();
        for (var i = 0; i < 8; i++) kept.Add(await ScriptAsync($"{i}"));
        for (var i = 0; i < 8; i++) Assert.Same(kept[i], await ScriptAsync($"{i}"));

        await ScriptAsync(new string('x', 140));
        Assert.NotSame(kept[0], await ScriptAsync("0"));
        Assert.Equal(1, _core.Compilations);

        async Task<ISandboxModule> ScriptAsync(string script) =>
            await engine.CompileAsync(Wasm.WithSetting(ScriptedEngine.Bytes(), "script", script), default);
    }

    [Fact]
    public async Task A_failed_compilation_is_tried_again()
    {
        using var engine = Engine();

        var first = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
            await engine.CompileAsync(new byte[4], default));
        await Assert.ThrowsAsync<RuntimeErrorException>(async () => await engine.CompileAsync(new byte[4], default));

        Assert.Equal(ReasonCodes.InvalidModule, first.Error.Code);
        Assert.Equal(2, _core.Compilations);
    }

    [Fact]
    public async Task More_modules_than_may_wait_are_turned_away_and_the_others_served()
    {
        using var engine = Engine(new() { MaxCompilations = 1, MaxWaitingCompilations = 1 });
        _core.MayCompile.Reset();
        var first = engine.CompileAsync(ScriptedEngine.Bytes(1), default).AsTask();
        var second = engine.CompileAsync(ScriptedEngine.Bytes(2), default).AsTask();

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
            await engine.CompileAsync(ScriptedEngine.Bytes(3), default));
        _core.MayCompile.Set();

        Assert.Equal(ReasonCodes.SandboxBusy, refused.Error.Code);
        Assert.NotNull(await first);
        Assert.NotNull(await second);
        Assert.NotNull(await engine.CompileAsync(ScriptedEngine.Bytes(3), default));
    }

    [Fact]
    public async Task A_module_beyond_the_size_limit_is_refused_before_it_is_looked_at()
    {
        using var engine = Engine(new() { Compile = new CompileLimits { MaxModuleBytes = 8 } });

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
            await engine.CompileAsync(ScriptedEngine.Bytes(), default));

        Assert.Equal(ReasonCodes.ModuleTooLarge, refused.Error.Code);
        Assert.Equal(0, _core.Compilations);
    }

    [Theory]
    [InlineData("env", "abort", "env abort")]
    [InlineData("agentruntime:agent/tools@0.1.0", "call", "(i32) -> ()")]
    [InlineData("agentruntime:agent/tools@0.2.0", "call", "tools@0.2.0 call")]
    [InlineData("wasi_snapshot_preview1", "thread_spawn", "thread_spawn")]
    public async Task An_import_that_the_host_does_not_offer_is_named(string module, string name, string expected)
    {
        var import = new WasmImport(module, name, ExternKind.Function, new FunctionType([WasmValueType.I32], []));

        var error = await RefusedAsync(new ScriptedModule(static _ => 0) { Imports = [import] });

        Assert.Equal(ReasonCodes.UnknownImport, error.Code);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_name_of_an_import_is_cut_where_it_is_shown()
    {
        var import = new WasmImport(
            new string('m', 1 << 20), new string('n', 1 << 20), ExternKind.Function, new FunctionType([], []));

        var error = await RefusedAsync(new ScriptedModule(static _ => 0) { Imports = [import] });

        Assert.Contains(
            $"'{new string('m', 100)}… {new string('n', 100)}…'", error.Message, StringComparison.Ordinal);
        Assert.True(error.Message.Length < 1_000);
    }

    [Fact]
    public async Task Nothing_but_functions_can_be_imported()
    {
        var import = new WasmImport("env", "memory", ExternKind.Memory, null);

        var error = await RefusedAsync(new ScriptedModule(static _ => 0) { Imports = [import] });

        Assert.Equal(ReasonCodes.UnknownImport, error.Code);
        Assert.Contains("the memory 'env memory'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "memory")]
    [InlineData(1, "run")]
    [InlineData(2, "cabi_realloc")]
    public async Task A_module_without_an_export_of_the_world_is_refused_by_name(int missing, string name)
    {
        var exports = ScriptedModule.AgentExports.Where((_, i) => i != missing).ToArray();

        var error = await RefusedAsync(new ScriptedModule(static _ => 0) { Exports = exports });

        Assert.Equal(ReasonCodes.MissingExport, error.Code);
        Assert.Contains($"'{name}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_module_that_starts_with_more_memory_than_its_limit_is_refused()
    {
        using var engine = Engine();
        byte[] threePages = [.. ScriptedEngine.Bytes(), 5, 3, 1, 0, 3];
        var module = await engine.CompileAsync(threePages, default);

        var refused = Assert.Throws<RuntimeErrorException>(() =>
            module.Instantiate(new SandboxLimits { MaxMemory = new(2 << 16) }, new RecordedLog()));

        Assert.Equal(ReasonCodes.MemoryLimit, refused.Error.Code);
        Assert.Contains("196608 bytes", refused.Error.Message, StringComparison.Ordinal);
        Assert.NotNull(module.Instantiate(new SandboxLimits { MaxMemory = new(3 << 16) }, new RecordedLog()));
    }

    [Fact]
    public async Task Where_the_engine_gives_less_memory_than_the_limit_errors_say_so()
    {
        var core = new ScriptedEngine(suspends: true) { MaxMemoryBytes = 2 << 16 };
        using var engine = new WasmSandboxEngine(core, new(), TimeProvider.System);
        byte[] threePages = [.. ScriptedEngine.Bytes(), 5, 3, 1, 0, 3];
        var large = await engine.CompileAsync(threePages, default);
        core.Module = new ScriptedModule(static _ => throw new WasmTrapException(TrapKind.ResourceLimit));
        var growing = await engine.CompileAsync(ScriptedEngine.Bytes(), default);

        var unfit = Assert.Throws<RuntimeErrorException>(() => large.CheckFits(new())).Error;
        var trapped = Assert.IsType<SandboxStep.Trapped>(
            await RunAsync(growing.Instantiate(new(), new RecordedLog()))).Error;

        Assert.Equal((ReasonCodes.MemoryLimit, ReasonCodes.MemoryLimit), (unfit.Code, trapped.Code));
        Assert.Contains("the agent may have 131072 bytes", unfit.Message, StringComparison.Ordinal);
        Assert.Contains("the scripted engine gives no guest more", unfit.Action, StringComparison.Ordinal);
        Assert.Contains("more than 131072 bytes", trapped.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_module_says_before_it_is_run_whether_it_fits_its_limits()
    {
        using var engine = Engine();
        byte[] threePages = [.. ScriptedEngine.Bytes(), 5, 3, 1, 0, 3];
        var module = await engine.CompileAsync(Wasm.WithSetting(threePages, "script", new('x', 88)), default);
        var fits = new SandboxLimits { MaxMemory = new(3 << 16), MaxStringBytes = new(100) };
        module.CheckFits(fits);

        var memory = Assert.Throws<RuntimeErrorException>(
            () => module.CheckFits(fits with { MaxMemory = new((3 << 16) - 1) })).Error;
        var settings = Assert.Throws<RuntimeErrorException>(
            () => module.CheckFits(fits with { MaxStringBytes = new(99) })).Error;

        Assert.Equal(
            (ReasonCodes.MemoryLimit, ReasonCodes.OutputLimit), (memory.Code, settings.Code));
        Assert.Contains("limits.memory", memory.Action, StringComparison.Ordinal);
        Assert.Contains("limits.string", settings.Action, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Modules_that_differ_only_in_their_settings_share_one_compilation()
    {
        using var engine = Engine();
        _core.Module = new ScriptedModule(static guest =>
        {
            var (key, length) = guest.Put("script");
            var area = guest.Bump(12);
            guest.Import(0, key, length, (int)area);
            return guest.Ok(guest.Slice(area, 1)[0] == 1 ? guest.Text(area + 4) : "none");
        })
        {
            Imports =
            [
                new("agentruntime:agent/config@0.1.0", "get", ExternKind.Function,
                    new FunctionType([WasmValueType.I32, WasmValueType.I32, WasmValueType.I32], [])),
            ],
        };

        var one = await engine.CompileAsync(Wasm.WithSetting(ScriptedEngine.Bytes(), "script", "één"), default);
        var two = await engine.CompileAsync(Wasm.WithSetting(ScriptedEngine.Bytes(), "script", "two"), default);

        Assert.Equal(1, _core.Compilations);
        Assert.NotEqual(one.Digest, two.Digest);
        Assert.Equal(new SandboxStep.Finished("één"), await RunAsync(one.Instantiate(new(), new RecordedLog())));
        Assert.Equal(new SandboxStep.Finished("two"), await RunAsync(two.Instantiate(new(), new RecordedLog())));
        var given = new Dictionary<string, string>(StringComparer.Ordinal) { ["script"] = "given" };
        Assert.Equal(
            new SandboxStep.Finished("given"), await RunAsync(two.Instantiate(new(), new RecordedLog(), given)));
    }

    [Fact]
    public async Task Code_that_counts_fuel_is_compiled_where_modules_are()
    {
        using var engine = Engine();
        var madeOn = new List<string?>();
        _core.Module = new ScriptedModule(static guest => guest.Ok("done"))
        {
            MakeMetered = () => madeOn.Add(Thread.CurrentThread.Name),
        };
        var module = await engine.CompileAsync(ScriptedEngine.Bytes(), default);
        var fuel = new SandboxLimits { Fuel = 1_000 };

        Assert.False(module.IsPrepared(fuel));
        Assert.True(module.IsPrepared(new()));
        Assert.Equal(new SandboxStep.Finished("done"), await RunAsync(module.Instantiate(new(), new RecordedLog())));
        Assert.Empty(madeOn);
        Assert.Equal(new SandboxStep.Finished("done"), await RunAsync(module.Instantiate(fuel, new RecordedLog())));
        Assert.True(module.IsPrepared(fuel));
        await module.PrepareAsync(fuel, default);

        Assert.StartsWith("wasm compiler", Assert.Single(madeOn), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Code_that_counts_fuel_may_be_too_much_for_the_compiler()
    {
        using var engine = Engine();
        _core.Module = new ScriptedModule(static guest => guest.Ok("done"))
        {
            MakeMetered = () => throw new WasmModuleException(ModuleFault.TooLarge, "too much code", -1),
        };
        var module = await engine.CompileAsync(ScriptedEngine.Bytes(), default);

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(
            async () => await module.PrepareAsync(new() { Fuel = 1_000 }, default));

        Assert.Equal(ReasonCodes.ModuleTooLarge, refused.Error.Code);
        Assert.Contains("too much code", refused.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_out_of_range_are_named_all_at_once()
    {
        var options = new SandboxEngineOptions { MaxCachedModules = 0, GuestStackBytes = 5 };

        var error = Assert.Throws<ArgumentException>(() => Engine(options));

        Assert.Contains("MaxCachedModules", error.Message, StringComparison.Ordinal);
        Assert.Contains("GuestStackBytes", error.Message, StringComparison.Ordinal);
    }

    private WasmSandboxEngine Engine(SandboxEngineOptions? options = null) =>
        new(_core, options ?? new(), TimeProvider.System);

    private static async Task<SandboxStep> RunAsync(ISandbox sandbox)
    {
        await using (sandbox) return await sandbox.StartAsync("", default);
    }

    private async Task<RuntimeError> RefusedAsync(ScriptedModule module)
    {
        _core.Module = module;
        using var engine = Engine();
        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
            await engine.CompileAsync(ScriptedEngine.Bytes(), default));
        return refused.Error;
    }
}
