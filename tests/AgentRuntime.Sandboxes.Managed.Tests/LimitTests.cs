using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using AgentRuntime.TestKit;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

public sealed class LimitTests(ITestOutputHelper output)
{
    private static ModuleBuilder Endless()
    {
        var m = new ModuleBuilder();
        m.Function(m.Type([], []), new Code().Loop().Br(0).End().End(), "spin");
        return m;
    }

    private static ModuleBuilder Recursion(int locals = 0)
    {
        var m = new ModuleBuilder();
        var code = new Code();
        if (locals > 0) code.Locals(locals, I64);
        // Every local is read after the call, so that each needs a place in the frame.
        code.Call(0);
        for (var i = 0; i < locals; i++) code.Get(i).With(Opcodes.GlobalSet, 0).I64(i).Set(i);
        // Something to do after the call: the JIT makes a loop of a call in tail position.
        code.I64(1).With(Opcodes.GlobalSet, 0);
        m.Global(I64, true, new Code().I64(0).End());
        m.Function(m.Type([], []), code.End(), "recurse");
        return m;
    }

    [Fact]
    public void A_guest_that_loops_forever_is_stopped_by_its_cpu_limit()
    {
        using var instance = Compile(Endless()).Instantiate(
            [], Limits with { MaxCpuTime = TimeSpan.FromMilliseconds(30) });
        var started = Stopwatch.GetTimestamp();
        Assert.Equal(TrapKind.CpuTimeExhausted, Traps(() => instance.Call("spin")).Kind);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void A_guest_that_only_ever_calls_is_stopped_by_its_cpu_limit()
    {
        var m = new ModuleBuilder();
        // fib(90) without a loop: it never gets deep and never comes back.
        m.Function(m.Type([I32], [I32]), new Code().Get(0).I32(2).Op(0x48).If(I32).Get(0).Else()
            .Get(0).I32(1).Op(0x6B).Call(0).Get(0).I32(2).Op(0x6B).Call(0).Op(0x6A).End().End(), "fib");
        using var instance = Compile(m).Instantiate([], Limits with { MaxCpuTime = TimeSpan.FromMilliseconds(30) });
        Assert.Equal(TrapKind.CpuTimeExhausted, Traps(() => instance.Call("fib", 90)).Kind);
    }

    [Fact]
    public void A_guest_that_was_stopped_before_it_was_called_stops_at_its_first_call()
    {
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        var leaf = m.Function(type, new Code().I32(0).With(Opcodes.GlobalSet, 0).End());
        m.Global(I32, true, new Code().I32(0).End());
        m.Function(type, new Code().Call(leaf).Call(leaf).End(), "calls");
        using var instance = Compile(m).Instantiate([], Limits);
        instance.Interrupt(TrapKind.Stopped);
        Assert.Equal(TrapKind.Stopped, Traps(() => instance.Call("calls")).Kind);
    }

    [Fact]
    public async Task A_running_guest_is_stopped_from_another_thread()
    {
        using var entered = new ManualResetEventSlim();
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        m.ImportFunction("host", "entered", type);
        m.Function(type, new Code().Call(0).Loop().Br(0).End().End(), "spin");
        var host = new HostFunction(new FunctionType([], []), false, (_, _, _) =>
        {
            entered.Set();
            return HostReturn.Completed;
        });
        using var instance = Instantiate(m, host);
        var run = Task.Run(() => Traps(() => instance.Call("spin")));
        Assert.True(entered.Wait(TimeSpan.FromSeconds(30)));
        instance.Interrupt(TrapKind.Stopped);
        Assert.Equal(TrapKind.Stopped, (await run).Kind);
    }

    [Fact]
    public void Time_in_host_functions_is_not_charged_to_the_guest()
    {
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        m.ImportFunction("host", "wait", type);
        m.Function(type, new Code().Call(0).End(), "run");
        using var over = new ManualResetEventSlim();
        using var timer = TimeProvider.System.CreateTimer(
            _ => over.Set(), null, TimeSpan.FromMilliseconds(400), Timeout.InfiniteTimeSpan);
        var waits = new HostFunction(new FunctionType([], []), false, (_, _, _) =>
        {
            Assert.True(over.Wait(TimeSpan.FromSeconds(30)));
            return HostReturn.Completed;
        });
        using var instance = Compile(m).Instantiate(
            [waits], Limits with { MaxCpuTime = TimeSpan.FromMilliseconds(200) });
        Assert.Equal(WasmCallStatus.Completed, instance.Call("run", [], []));
    }

    [Fact]
    public void Machine_code_that_others_make_is_given_back_for_a_while_and_not_for_ever()
    {
        var module = CompileManaged(Endless());
        using var instance = (ManagedInstance)module.Instantiate(
            [], Limits with { MaxCpuTime = TimeSpan.FromSeconds(1) });
        var tick = Stopwatch.Frequency / 100;
        instance.Charge(tick, tick);
        Assert.Equal(TimeSpan.Zero, instance.CpuTime);

        // A minute, in which the JIT works without pause.
        for (var i = 0; i < 6_000; i++) instance.Charge(tick, tick);

        Assert.True(instance.CpuUsed > instance.CpuLimit, $"{instance.CpuTime} charged");
    }

    [Fact]
    public void No_more_of_it_is_taken_from_what_may_be_given_back_than_a_guest_was_charged()
    {
        using var instance = (ManagedInstance)CompileManaged(Endless()).Instantiate([], Limits);
        var tick = Stopwatch.Frequency / 100;
        instance.Charge(tick, 0);

        instance.Charge(tick, 60 * Stopwatch.Frequency);

        Assert.Equal(TimeSpan.Zero, instance.CpuTime);
        Assert.Equal(ManagedInstance.MaxCredit - (2 * tick), instance.CreditLeft);
    }

    [Fact]
    public void Calls_nest_as_deep_as_the_limit_and_no_deeper()
    {
        if (!ChosenEngine.IsManaged)
        {
            output.WriteLine("skipped: Wasmtime limits the bytes of a guest's stack, not its calls");
            return;
        }

        var m = new ModuleBuilder();
        var type = m.Type([I32], [I32]);
        m.Function(type, new Code().Get(0).If(I32).Get(0).I32(1).Op(0x6B).Call(0).I32(1).Op(0x6A).Else().I32(0).End(
            ).End(), "down");
        var module = Compile(m);
        using (var instance = module.Instantiate([], Limits with { MaxCallDepth = 100 }))
            Assert.Equal(99, instance.Call("down", 99));
        using (var instance = module.Instantiate([], Limits with { MaxCallDepth = 100 }))
            Assert.Equal(TrapKind.CallStackExhausted, Traps(() => instance.Call("down", 100)).Kind);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    [InlineData(20_000)]
    public void Endless_recursion_traps_on_a_small_stack_however_large_its_frames(int locals)
    {
        var module = Compile(Recursion(locals));
        OnThread(2 << 20, () =>
        {
            using var instance = module.Instantiate([], Limits with { MaxCallDepth = int.MaxValue });
            Assert.Equal(TrapKind.CallStackExhausted, Traps(() => instance.Call("recurse")).Kind);
        });
    }

    [Fact]
    public void The_engine_gives_as_much_memory_as_it_says_and_no_more()
    {
        var m = new ModuleBuilder().Memory(0, null, "memory");
        m.Function(m.Type([I32], [I32]), new Code().Get(0).With(Opcodes.MemoryGrow, 0).End(), "grow");
        var most = (int)(((IWasmEngine)new ManagedWasmEngine()).MaxMemoryBytes / 65_536);
        using var instance = Compile(m).Instantiate([], Limits with { MaxMemoryBytes = 4L << 30 });

        var beyond = Traps(() => Compile(new ModuleBuilder().Memory((uint)most + 1, null, "memory"))
            .Instantiate([], Limits with { MaxMemoryBytes = 4L << 30 }));

        Assert.Equal(-1, instance.Call("grow", most + 1));
        Assert.Equal(TrapKind.ResourceLimit, beyond.Kind);
        Assert.Equal((2L << 30) - 65_536, most * 65_536L);
    }

    [Fact]
    public void A_module_says_whether_code_with_fuel_is_there()
    {
        var module = Compile(Endless());
        var fuel = Limits with { Fuel = 1_000 };

        Assert.True(module.IsPrepared([], Limits));
        Assert.False(module.IsPrepared([], fuel));
        module.Prepare([], fuel);

        Assert.True(module.IsPrepared([], fuel));
        Assert.True(module.IsPrepared([], Limits));
    }

    [Fact]
    public void Memory_grows_to_its_limit_and_keeps_its_content()
    {
        var m = new ModuleBuilder().Memory(1, null, "memory").Data(5, "hello"u8);
        m.Function(m.Type([I32], [I32]), new Code().Get(0).With(Opcodes.MemoryGrow, 0).End(), "grow");
        using var instance = Compile(m).Instantiate([], Limits with { MaxMemoryBytes = 4 * 65_536 });
        Assert.Equal(1, instance.Call("grow", 2));
        Assert.Equal("hello"u8, instance.Memory!.Slice(5, 5));
        Assert.Equal(-1, instance.Call("grow", 2));
        Assert.Equal(-1, instance.Call("grow", -1));
        Assert.Equal(3, instance.Call("grow", 1));
        Assert.Equal(4 * 65_536, instance.Memory.LengthBytes);
        Traps(() => instance.Memory.Slice(4 * 65_536 - 2, 3));
    }

    [Fact]
    public void A_table_grows_to_its_limit_and_no_further()
    {
        var m = new ModuleBuilder().Table(10);
        // table.grow (null, n): the old size, or -1.
        m.Function(m.Type([I32], [I32]), new Code().Op(0xD0, 0x70).Get(0).With(0xFC0F, 0).End(), "grow");
        using var instance = Compile(m).Instantiate([], Limits with { MaxTableElements = 1_000 });
        var size = 10;
        while (instance.Call("grow", 90) is var old && old >= 0)
        {
            Assert.Equal(size, old);
            size += 90;
        }

        Assert.Equal(1_000, size);
        Assert.Equal(-1, instance.Call("grow", -1));
        Assert.Equal(-1, instance.Call("grow", int.MaxValue));
        Assert.Equal(1_000, instance.Call("grow", 0));
    }

    [Fact]
    public void A_table_that_grows_one_by_one_is_not_copied_each_time()
    {
        var m = new ModuleBuilder().Table(0);
        m.Function(m.Type([I32], [I32]), new Code().Loop().Op(0xD0, 0x70).I32(1).With(Opcodes.TableGrow, 0).I32(-1)
            .Op(0x47).BrIf(0).End().With(Opcodes.TableSize, 0).End(), "fill");
        using var instance = CompileManaged(m).Instantiate([], Limits);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal(Limits.MaxTableElements, instance.Call("fill", 0));

        Assert.InRange(
            GC.GetAllocatedBytesForCurrentThread() - before, 0, 8L * Limits.MaxTableElements * IntPtr.Size);
    }

    [Fact]
    public void What_a_table_has_to_grow_into_is_not_there_for_the_guest()
    {
        var m = new ModuleBuilder().Table(10);
        var type = m.Type([I32], [I32]);
        m.Function(type, new Code().Op(0xD0, 0x70).Get(0).With(Opcodes.TableGrow, 0).End(), "grow");
        m.Function(type, new Code().Get(0).With(Opcodes.TableGet, 0).Op(0xD1).End(), "get");
        m.Function(type, new Code().Get(0).Op(0xD0, 0x70).With(Opcodes.TableSet, 0).I32(1).End(), "set");
        m.Function(type, new Code().I32(1).Get(0).With(Opcodes.CallIndirect, (uint)type, 0).End(), "call");
        m.Function(type, new Code().I32(10).Op(0xD0, 0x70).Get(0).With(Opcodes.TableFill, 0).I32(1).End(), "fill");
        m.Function(type, new Code().I32(0).I32(10).Get(0).With(Opcodes.TableCopy, 0, 0).I32(1).End(), "copy");
        var module = Compile(m);
        foreach (var (export, fits, kind) in new[] { ("get", 10, TrapKind.TableOutOfBounds),
            ("set", 10, TrapKind.TableOutOfBounds), ("call", -1, TrapKind.TableOutOfBounds),
            ("fill", 1, TrapKind.TableOutOfBounds), ("copy", 1, TrapKind.TableOutOfBounds) })
        {
            using var instance = module.Instantiate([], Limits);
            Assert.Equal(10, instance.Call("grow", 1));
            if (fits >= 0) Assert.Equal(1, instance.Call(export, fits));
            Assert.Equal(kind, Traps(() => instance.Call(export, fits < 0 ? 11 : fits + 1)).Kind);
        }

        using var called = module.Instantiate([], Limits);
        Assert.Equal(10, called.Call("grow", 1));
        Assert.Equal(TrapKind.UninitializedElement, Traps(() => called.Call("call", 10)).Kind);
    }

    [Fact]
    public void A_module_that_starts_beyond_its_memory_or_table_limit_is_not_instantiated()
    {
        Assert.Equal(TrapKind.ResourceLimit, Traps(() => Instantiate(new ModuleBuilder().Memory(2_000))).Kind);
        Assert.Equal(TrapKind.ResourceLimit, Traps(() => Instantiate(new ModuleBuilder().Table(100_000))).Kind);
    }

    [Fact]
    public void A_trap_says_which_function_and_where()
    {
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        m.Function(type, new Code().Op(0x01).Op(0x00).End());
        m.Function(type, new Code().Call(0).End(), "outer");
        m.Export("inner", ExternKind.Function, 0);
        var wasm = m.Build();
        using var instance = Compile(wasm).Instantiate([], Limits);
        var trap = Traps(() => instance.Call("outer"));
        Assert.Equal((TrapKind.Unreachable, 0, "inner"), (trap.Kind, trap.FunctionIndex, trap.FunctionName));
        // Wasmtime 50 names what jumped to an `unreachable`, or the function's start.
        if (ChosenEngine.IsManaged) Assert.Equal((0x01, 0x00), (wasm[trap.Offset - 1], wasm[trap.Offset]));
        else Assert.InRange(trap.Offset, wasm.AsSpan().IndexOf("\x04\0\x01\0\x0B"u8), wasm.Length);
    }
}
