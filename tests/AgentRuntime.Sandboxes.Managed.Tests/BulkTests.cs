using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>
/// Straight code without loops that takes long all the same. Alone, since guests are not charged for time that the JIT
/// of this process takes, and such a guest would come to its end meanwhile.
/// </summary>
[Collection(nameof(Alone))]
public sealed class BulkTests
{
    private const int Bytes = 64 << 20;
    private const int Elements = 65_536;

    /// <summary>A module whose <c>run</c> calls a leaf many times in a straight line.</summary>
    private static ModuleBuilder Straight(Code leaf, int calls)
    {
        var m = new ModuleBuilder().Memory(Bytes / 65_536).Table(Elements);
        var type = m.Type([], []);
        var called = m.Function(type, leaf.End());
        m.PassiveElements([.. Enumerable.Repeat(called, Elements)]);
        m.Global(I64, true, new Code().I64(1).End());
        var run = new Code();
        for (var i = 0; i < calls; i++) run.Call(called);
        m.Function(type, run.End(), "run");
        return m;
    }

    private static Code Repeated(int times, Action<Code> action)
    {
        var code = new Code();
        for (var i = 0; i < times; i++) action(code);
        return code;
    }

    private static Code Leaf(string kind) => kind switch
    {
        "memory.fill" => Repeated(200, c => c.I32(0).I32(1).I32(Bytes).With(Opcodes.MemoryFill, 0)),
        "memory.copy" => Repeated(200, c => c.I32(0).I32(8).I32(Bytes - 8).With(Opcodes.MemoryCopy, 0, 0)),
        "table.fill" => Repeated(400, c => c.I32(0).Op(0xD0, 0x70).I32(Elements).With(Opcodes.TableFill, 0)),
        "table.copy" => Repeated(400, c => c.I32(0).I32(1).I32(Elements - 1).With(Opcodes.TableCopy, 0, 0)),
        "table.init" => Repeated(400, c => c.I32(0).I32(0).I32(Elements).With(Opcodes.TableInit, 0, 0)),
        _ => Repeated(5_000, c => c.With(Opcodes.GlobalGet, 0).I64(3).Op(0x7F).With(Opcodes.GlobalSet, 0)),
    };

    [Theory]
    [InlineData("memory.fill", 10)]
    [InlineData("memory.copy", 10)]
    [InlineData("table.fill", 400)]
    [InlineData("table.copy", 400)]
    [InlineData("table.init", 100)]
    [InlineData("a long leaf", 60_000)]
    public void A_guest_without_loops_is_stopped_by_its_cpu_limit(string kind, int calls)
    {
        var module = CompileManaged(Straight(Leaf(kind), calls));
        using var instance = module.Instantiate([], Limits with { MaxCpuTime = TimeSpan.FromMilliseconds(30) });
        Assert.Equal(TrapKind.CpuTimeExhausted, Traps(() => instance.Call("run")).Kind);
    }

    [Theory]
    [InlineData("memory.fill")]
    [InlineData("memory.copy")]
    [InlineData("table.fill")]
    [InlineData("table.copy")]
    [InlineData("table.init")]
    public void Bulk_instructions_cost_fuel_by_their_length(string kind)
    {
        var module = CompileManaged(Straight(Leaf(kind), 1));
        using var instance = module.Instantiate([], Limits with { Fuel = 20_000 });
        Assert.Equal(TrapKind.FuelExhausted, Traps(() => instance.Call("run")).Kind);
    }

    private static ModuleBuilder Growing()
    {
        var m = new ModuleBuilder().Table(0);
        m.Function(m.Type([I32], [I32]), new Code().Op(0xD0, 0x70).Get(0).With(Opcodes.TableGrow, 0).End(), "grow");
        return m;
    }

    [Fact]
    public void A_table_that_grows_costs_fuel_by_its_length_if_it_grows()
    {
        var module = CompileManaged(Growing());
        using var instance = module.Instantiate([], Limits with { Fuel = 5_000 });
        Assert.Equal(0, instance.Call("grow", 30_000));
        Assert.Equal(-1, instance.Call("grow", 60_000));
        Assert.Equal(TrapKind.FuelExhausted, Traps(() => instance.Call("grow", 30_000)).Kind);
    }

    [Fact]
    public void A_guest_that_is_to_stop_grows_no_table()
    {
        using var instance = CompileManaged(Growing()).Instantiate([], Limits);
        instance.Interrupt(TrapKind.Stopped);
        Assert.Equal(TrapKind.Stopped, Traps(() => instance.Call("grow", 1)).Kind);
    }
}
