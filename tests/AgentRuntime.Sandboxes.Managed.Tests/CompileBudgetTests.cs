using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using AgentRuntime.Sandboxes.Managed.Validation;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Small modules that would become much: much code, much memory, much time.</summary>
public sealed class CompileBudgetTests
{
    private const int Passive = 1_000_000;

    private static WasmModuleException Refused(ModuleBuilder module) =>
        Assert.Throws<WasmModuleException>(() => CompileManaged(module));

    /// <summary>A function with blocks that call one of a thousand results.</summary>
    private static int Wide(ModuleBuilder m)
    {
        var results = Enumerable.Repeat(I64, 1_000).ToArray();
        return m.Function(m.Type([], results), new Code().Op(0x00).End());
    }

    private static Code Calls(int wide, int times)
    {
        var code = new Code();
        for (var i = 0; i < times; i++) code.Block().Call(wide).Br(0).End();
        return code.End();
    }

    [Fact]
    public void A_function_that_becomes_too_much_code_is_refused_and_one_below_is_not()
    {
        var m = new ModuleBuilder();
        m.Function(m.Type([], []), Calls(Wide(m), 500), "run");
        var refused = Refused(m);
        Assert.Equal(ModuleFault.TooLarge, refused.Fault);
        Assert.Contains("too much code", refused.Message, StringComparison.Ordinal);
        Assert.True(refused.Offset > 0);

        var fits = new ModuleBuilder();
        fits.Function(fits.Type([], []), Calls(Wide(fits), 20), "run");
        CompileManaged(fits);
    }

    [Fact]
    public void Code_of_all_methods_counts_for_the_module()
    {
        var budget = new EmissionBudget(() => { });
        for (var i = 0; i < 16; i++)
        {
            budget.Begin();
            for (var bytes = 0; bytes <= 4 << 20; bytes += 64 << 10) budget.Reach(bytes, 7);
        }

        Assert.Equal(64 << 20, budget.UsedBytes);
        budget.Begin();
        var refused = Assert.Throws<WasmModuleException>(() => budget.Reach(1, 7));
        Assert.Contains("the module becomes too much code", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Functions_with_many_parameters_count_by_them()
    {
        var m = new ModuleBuilder();
        var type = m.Type([.. Enumerable.Repeat(I64, 1_000)], []);
        for (var i = 0; i < 9_000; i++) m.Function(type, new Code().End());
        Assert.Equal(ModuleFault.TooLarge, Refused(m).Fault);
    }

    [Fact]
    public void Time_is_looked_at_within_a_function()
    {
        var m = new ModuleBuilder();
        m.Function(m.Type([], []), Calls(Wide(m), 100));
        var looks = 0;
        var model = ModuleDecoder.Decode(m.Build(), new CompileLimits(), () => { });
        var facts = ModuleValidator.Validate(model, new CompileLimits(), () => looks++);
        Assert.True(looks > 1, $"validation looked {looks} times");

        looks = 0;
        ModuleEmitter.Emit(model, facts, new CodeVariant([], metered: false), () => looks++,
            TimeSpan.Zero, TimeSpan.Zero);
        Assert.True(looks > 5, $"emission looked {looks} times");
    }

    [Fact]
    public void Locals_of_all_functions_together_are_bounded()
    {
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        for (var i = 0; i < 101; i++) m.Function(type, new Code().Locals(49_999, I64).End());
        var refused = Refused(m);
        Assert.Equal(ModuleFault.TooLarge, refused.Fault);
        Assert.Contains("locals", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_element_takes_a_few_bytes_in_the_module_and_none_in_an_instance()
    {
        var m = new ModuleBuilder().Table(1);
        var function = m.Function(m.Type([], []), new Code().End(), "run");
        m.PassiveElements([.. Enumerable.Repeat(function, Passive)]);
        var wasm = m.Build();
        var before = GC.GetAllocatedBytesForCurrentThread();
        ModuleDecoder.Decode(wasm, new CompileLimits(), () => { });
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, Passive, Passive * 5L);

        var module = CompileManaged(wasm);
        before = GC.GetAllocatedBytesForCurrentThread();
        using var instance = module.Instantiate([], Limits);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Passive / 2);
        Assert.InRange(module.SizeBytes, Passive * 5L, Passive * 6L);
    }

    [Fact]
    public void Time_is_looked_at_while_decoding()
    {
        var m = new ModuleBuilder().Table(1);
        m.PassiveElements(new int[Passive]);
        m.Function(m.Type([], []), new Code().End());
        var looks = 0;
        ModuleDecoder.Decode(m.Build(), new CompileLimits(), () => looks++);
        Assert.True(looks > 100, $"looked {looks} times");
    }

    [Fact]
    public void Globals_tables_and_segments_which_every_instance_has_are_bounded()
    {
        var globals = new ModuleBuilder();
        for (var i = 0; i < 50_001; i++) globals.Global(I32, false, new Code().I32(0).End());
        Assert.Equal(ModuleFault.TooLarge, Refused(globals).Fault);
        var tables = new ModuleBuilder();
        for (var i = 0; i < 101; i++) tables.Table(0);
        Assert.Equal(ModuleFault.TooLarge, Refused(tables).Fault);
        var segments = new ModuleBuilder();
        for (var i = 0; i < 100_001; i++) segments.PassiveElements();
        Assert.Equal(ModuleFault.TooLarge, Refused(segments).Fault);
    }

    [Fact]
    public void A_failure_to_make_code_is_not_for_ever()
    {
        var m = new ModuleBuilder();
        m.Function(m.Type([I32], [I32]), new Code().Get(0).End(), "run");
        var model = ModuleDecoder.Decode(m.Build(), new CompileLimits(), () => { });
        var facts = ModuleValidator.Validate(model, new CompileLimits(), () => { });
        var module = new ManagedModule(model, facts, new CompileLimits());
        var fact = facts[0];
        facts[0] = null!;
        Assert.ThrowsAny<Exception>(() => module.Instantiate([], Limits));

        facts[0] = fact;

        Assert.Equal(5, module.Instantiate([], Limits).Call("run", 5));
    }

    [Fact]
    public void Code_that_counts_fuel_takes_memory_once_it_is_made()
    {
        var m = new ModuleBuilder();
        m.Function(m.Type([I32], [I32]), new Code().Get(0).End(), "run");
        var module = CompileManaged(m);
        var plain = module.SizeBytes;
        module.Instantiate([], Limits with { Fuel = 100 }).Dispose();
        Assert.True(module.SizeBytes > plain);
    }

    [Fact]
    public void Imports_count_as_functions()
    {
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        for (var i = 0; i < 30_000; i++) m.ImportFunction("a", "b", type);
        for (var i = 0; i < 20_001; i++) m.Function(type, new Code().End());
        Assert.Equal(ModuleFault.TooLarge, Refused(m).Fault);
        var alone = new ModuleBuilder();
        type = alone.Type([], []);
        for (var i = 0; i < 50_001; i++) alone.ImportFunction("a", "b", type);
        Assert.Equal(ModuleFault.TooLarge, Refused(alone).Fault);
    }
}
