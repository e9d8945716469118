using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using AgentRuntime.TestKit;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Modules made to stall or crash the host while it compiles, links or runs them.</summary>
public sealed class HostileModuleTests(ITestOutputHelper output)
{
    private static WasmModuleException Refused(byte[] wasm, CompileLimits? limits = null) =>
        Assert.Throws<WasmModuleException>(
            () => ChosenEngine.Create().Compile(wasm, limits ?? new CompileLimits(), CancellationToken.None));

    private static byte[] Of(Code code, params WasmValueType[] results)
    {
        var m = new ModuleBuilder().Memory(1).Table(1);
        m.Function(m.Type([], results), code.End(), "run");
        return m.Build();
    }

    /// <summary>Compiled and run within the default time, or refused as too large; nothing else.</summary>
    private void Bounded(string what, byte[] wasm)
    {
        var started = Stopwatch.GetTimestamp();
        var thrown = Record.Exception(() =>
        {
            var module = ChosenEngine.Create().Compile(
                wasm, new CompileLimits { MaxTime = TimeSpan.FromSeconds(30) }, CancellationToken.None);
            using var instance = module.Instantiate([], Limits with { MaxCpuTime = TimeSpan.FromSeconds(1) });
            instance.Call("run", [], new WasmValue[1]);
        });
        output.WriteLine(
            $"{what}: {wasm.Length} bytes, {Stopwatch.GetElapsedTime(started).TotalMilliseconds:F0} ms, "
            + $"{thrown?.Message ?? "ran"}");
        Assert.True(thrown is null or WasmTrapException or WasmModuleException { Fault: ModuleFault.TooLarge },
            thrown?.ToString());
    }

    [Fact]
    public void Blocks_nested_beyond_the_limit_are_refused_and_up_to_it_compile()
    {
        var deep = new Code();
        for (var i = 0; i < 100_000; i++) deep.Block();
        for (var i = 0; i < 100_000; i++) deep.End();
        if (ChosenEngine.IsManaged) Assert.Equal(ModuleFault.TooLarge, Refused(Of(deep)).Fault);
        else Bounded("100,000 nested blocks", Of(deep));
        foreach (byte op in (byte[])[0x02, 0x03, 0x04])
        {
            var allowed = new Code();
            for (var i = 0; i < 990; i++)
            {
                if (op == 0x04) allowed.I32(1);
                allowed.Op(op, 0x40);
            }

            for (var i = 0; i < 990; i++) allowed.End();
            Bounded($"990 nested of {op}", Of(allowed));
        }
    }

    [Fact]
    public void Expressions_as_deep_as_a_function_is_long_do_not_overflow_the_compiler()
    {
        var left = new Code().I32(1);
        for (var i = 0; i < 60_000; i++) left.I32(i).Op(0x6A);
        Bounded("left-deep sum", Of(left.Op(0x1A)));
        var right = new Code();
        for (var i = 0; i < 20_000; i++) right.I32(i);
        for (var i = 1; i < 20_000; i++) right.Op(0x6A);
        Bounded("right-deep sum", Of(right.Op(0x1A)));
        var chase = new Code().I32(0);
        for (var i = 0; i < 20_000; i++) chase.With(0x28, 2, 0);
        Bounded("chain of loads", Of(chase.Op(0x1A)));
        var squares = new Code().Locals(2, I32);
        for (var i = 0; i < 20_000; i++) squares.Get(0).Get(1).Op(0x6A).Set(0).Get(0).Get(0).Op(0x6C).Set(1);
        Bounded("long data flow", Of(squares));
        Bounded("operands without end", Of(Repeat(new Code(), 100_000, c => c.I32(1)).Op(0x00)));
    }

    [Fact]
    public void Huge_branch_tables_and_many_branches_stay_bounded()
    {
        var table = new Code().Block().I32(3).With(Opcodes.BrTable, [60_000, .. new uint[60_001]]).End();
        Bounded("one br_table of 60,000", Of(table));
        var larger = Of(new Code().Block().I32(3).With(Opcodes.BrTable, [70_000, .. new uint[70_001]]).End());
        if (ChosenEngine.IsManaged) Assert.Equal(ModuleFault.TooLarge, Refused(larger).Fault);
        else Bounded("one br_table of 70,000", larger);
        var many = Repeat(new Code(), 300, c =>
        {
            for (var i = 0; i < 20; i++) c.Block();
            c.I32(1).With(Opcodes.BrTable, [100, .. Enumerable.Range(0, 101).Select(i => (uint)(i % 20))]);
            for (var i = 0; i < 20; i++) c.End();
        });
        Bounded("300 tables over 20 blocks", Of(many));
        Bounded("20,000 ifs", Of(Repeat(new Code(), 20_000, c => c.I32(1).If().Op(0x01).End())));
        Bounded("10,000 loops", Of(Repeat(new Code(), 10_000, c => c.Loop().End())));
    }

    [Fact]
    public void Many_locals_functions_and_declared_counts_stay_bounded()
    {
        Assert.Equal(ModuleFault.TooLarge, Refused(Of(new Code().Locals(int.MaxValue, I64))).Fault);
        Bounded("49,000 locals", Of(new Code().Locals(49_000, I64).Get(48_999).Op(0x1A)));
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        for (var i = 0; i < 50_001; i++) m.Function(type, new Code().End());
        Assert.Equal(ModuleFault.TooLarge, Refused(m.Build()).Fault);
        // Counts that promise more than the module holds must not make the decoder reserve it.
        foreach (byte section in (byte[])[1, 2, 3, 4, 5, 6, 7, 9, 10, 11])
        {
            var fault = Refused([0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, section, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F]).Fault;
            // Wasmtime looks at its own limits first.
            Assert.True(fault == ModuleFault.Malformed || (fault == ModuleFault.TooLarge && !ChosenEngine.IsManaged));
        }
    }

    [Fact]
    public void Compilation_ends_when_its_time_is_over()
    {
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        for (var i = 0; i < 5_000; i++)
            m.Function(type, Repeat(new Code().Locals(1, I32), 50, c => c.Get(0).I32(3).Op(0x6A).Set(0)).End());
        Assert.Equal(ModuleFault.TooLarge,
            Refused(m.Build(), new CompileLimits { MaxTime = TimeSpan.FromMilliseconds(1) }).Fault);
    }

    [Fact]
    public void An_endless_start_function_is_stopped()
    {
        var m = new ModuleBuilder();
        m.Start(m.Function(m.Type([], []), new Code().Loop().Br(0).End().End()));
        var module = Compile(m);
        var trap = Traps(() => module.Instantiate([], Limits with { MaxCpuTime = TimeSpan.FromMilliseconds(20) }));
        Assert.Equal(TrapKind.CpuTimeExhausted, trap.Kind);
    }

    [Theory]
    [InlineData(0x28, 4)]
    [InlineData(0x29, 8)]
    [InlineData(0x2D, 1)]
    [InlineData(0x2F, 2)]
    [InlineData(0xFD00, 16)]
    public void Every_load_stops_at_the_last_byte_whatever_address_and_offset_say(int op, int size)
    {
        var m = new ModuleBuilder().Memory(1);
        var type = m.Type([I32], []);
        uint[] offsets = [0, 1, 65_535, 65_536, 0x7FFF_FFFF, 0x8000_0000, uint.MaxValue];
        for (var i = 0; i < offsets.Length; i++)
            m.Function(type, new Code().Get(0).With(op, 0, offsets[i]).Op(0x1A).End(), "at" + i);
        var module = Compile(m);
        for (var i = 0; i < offsets.Length; i++)
        {
            foreach (var address in (uint[])[0, 1, (uint)(65_536 - size), (uint)(65_536 - size + 1), 65_536,
                0x7FFF_FFFF, 0x8000_0000, uint.MaxValue])
            {
                using var instance = module.Instantiate([], Limits);
                var inside = (ulong)address + offsets[i] + (ulong)size <= 65_536;
                var thrown = Record.Exception(() => instance.Call("at" + i, [WasmValue.FromI32((int)address)], []));
                if (inside) Assert.Null(thrown);
                else Assert.Equal(TrapKind.MemoryOutOfBounds, Assert.IsType<WasmTrapException>(thrown).Kind);
            }
        }
    }

    [Fact]
    public void An_indirect_call_of_another_type_is_never_made()
    {
        var m = new ModuleBuilder().Table(3);
        var number = m.Type([I32], [I32]);
        var wide = m.Type([I64, I64], [I64]);
        var called = m.Function(number, new Code().Get(0).End());
        m.Elements(0, called);
        m.Function(m.Type([I32], [I32]),
            new Code().I64(1).I64(2).Get(0).With(Opcodes.CallIndirect, (uint)wide, 0).Op(0xA7).End(), "run");
        var module = Compile(m);
        foreach (var (index, kind) in new[] { (0, TrapKind.IndirectCallTypeMismatch),
            (1, TrapKind.UninitializedElement), (3, TrapKind.TableOutOfBounds), (-1, TrapKind.TableOutOfBounds) })
        {
            using var instance = module.Instantiate([], Limits);
            Assert.Equal(kind, Traps(() => instance.Call("run", index)).Kind);
        }
    }

    [Fact]
    public void Nothing_of_a_guest_survives_for_the_next()
    {
        var m = new ModuleBuilder().Memory(1, 4, "memory").Table(4).Data(100, "data"u8);
        m.Global(I32, true, new Code().I32(7).End());
        var type = m.Type([I32], [I32]);
        m.Function(type, new Code().I32(0).Get(0).I32(65_536).With(Opcodes.MemoryFill, 0)
            .I32(3).With(Opcodes.MemoryGrow, 0).Op(0x1A).I32(65_536).I32(90).I32(3 * 65_536).With(Opcodes.MemoryFill, 0)
            .Get(0).With(Opcodes.GlobalSet, 0).I32(1).With(0xD2, 0).With(Opcodes.TableSet, 0).I32(0).End(), "spoil");
        m.Function(type, new Code().With(Opcodes.GlobalGet, 0).I32(1).With(Opcodes.TableGet, 0).Op(0xD1).Op(0x6A).End(),
            "look");
        var module = Compile(m);
        for (var round = 0; round < 20; round++)
        {
            using var instance = module.Instantiate([], Limits);
            Assert.Equal(65_536, instance.Memory!.LengthBytes);
            var memory = instance.Memory.Slice(0, 65_536);
            Assert.Equal("data"u8, memory.Slice(100, 4));
            memory.Slice(100, 4).Clear();
            Assert.False(memory.ContainsAnyExcept((byte)0));
            Assert.Equal(8, instance.Call("look", 0));
            instance.Call("spoil", 0xAA);
        }
    }

    [Fact]
    public void A_handle_kept_after_disposal_reaches_nobody()
    {
        var m = new ModuleBuilder().Memory(1, 4, "memory");
        m.Function(m.Type([I32], [I32]), new Code().Get(0).End(), "run");
        var module = Compile(m);
        var stale = module.Instantiate([], Limits);
        var memory = stale.Memory!;
        stale.Dispose();
        using var next = module.Instantiate([], Limits);
        stale.Interrupt(TrapKind.Stopped);
        Assert.Throws<InvalidOperationException>(() => stale.Call("run", 1));
        Assert.Throws<WasmTrapException>(() => { memory.Slice(0, 1); });
        stale.Dispose();
        Assert.Equal(4, next.Call("run", 4));
    }

    [Fact]
    public void Fuel_runs_out_at_the_same_instruction_every_time()
    {
        var m = new ModuleBuilder().Memory(1, 1, "memory");
        m.Function(m.Type([], []), new Code().Loop().I32(0).I32(0).With(0x28, 2, 0).I32(1).Op(0x6A).With(
            0x36, 2, 0).Br(0).End().End(), "run");
        var module = Compile(m);
        var counts = Enumerable.Range(0, 5).Select(_ =>
        {
            using var instance = module.Instantiate([], Limits with { Fuel = 10_000 });
            Assert.Equal(TrapKind.FuelExhausted, Traps(() => instance.Call("run")).Kind);
            return BitConverter.ToInt32(instance.Memory!.Slice(0, 4));
        }).Distinct().ToArray();
        // Managed: one for the loop and seven a round, charged at the end of the round that goes over. What an
        // instruction costs is each engine's own.
        Assert.Equal(ChosenEngine.IsManaged ? 1_429 : counts[0], Assert.Single(counts));
        Assert.True(counts[0] > 100);
    }

    private static Code Repeat(Code code, int times, Action<Code> action)
    {
        for (var i = 0; i < times; i++) action(code);
        return code;
    }
}
