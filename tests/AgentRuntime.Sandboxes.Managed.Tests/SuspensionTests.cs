using System.Buffers;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using AgentRuntime.TestKit;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

public sealed class SuspensionTests(ITestOutputHelper output)
{
    private static readonly FunctionType AskType = new([I32], [I32]);

    private static int Answer(int question) => (question * 31) + 7;

    /// <summary>A host that answers at once.</summary>
    private static HostFunction Direct(bool mayBlock = false) => new(AskType, mayBlock, (_, arguments, results) =>
    {
        results[0] = WasmValue.FromI32(Answer(arguments[0].AsI32()));
        return HostReturn.Completed;
    });

    private static HostFunction Asking(Func<int, bool> suspends, Action<int> note) =>
        new(AskType, true, (_, arguments, results) =>
    {
        var question = arguments[0].AsI32();
        if (suspends(question))
        {
            note(question);
            return HostReturn.Suspend;
        }

        results[0] = WasmValue.FromI32(Answer(question));
        return HostReturn.Completed;
    });

    private static string Outcome(IWasmInstance instance, Func<WasmValue[], WasmCallStatus> run)
    {
        var results = new WasmValue[1];
        try
        {
            run(results);
        }
        catch (WasmTrapException trap)
        {
            return $"{trap.Kind} at {trap.Offset}";
        }

        var memory = instance.Memory!.Slice(0, (uint)instance.Memory.LengthBytes);
        var hash = default(HashCode);
        hash.AddBytes(memory);
        return $"{results[0].AsI64()} {hash.ToHashCode()}";
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Suspended_and_resumed_equals_straight_through_for_random_programs(bool throughBytes)
    {
        var suspensions = 0;
        for (var seed = 0; seed < 150; seed++)
        {
            var module = Compile(ProgramGenerator.Generate(seed, asks: true));
            var random = new Random(seed);
            WasmValue[] arguments = [WasmValue.FromI32(random.Next()), WasmValue.FromI64(random.NextInt64())];
            var limits = Limits with { Fuel = seed % 3 == 0 ? random.Next(50, 3_000) : null };
            using var straight = module.Instantiate([Direct()], limits);
            var expected = Outcome(straight, r => straight.Call("run", arguments, r));

            var question = 0;
            var asking = Asking(_ => random.Next(3) != 0, q => question = q);
            var current = module.Instantiate([asking], limits);
            var actual = Outcome(current, results =>
            {
                var status = current.Call("run", arguments, results);
                while (status == WasmCallStatus.Suspended)
                {
                    suspensions++;
                    if (throughBytes) current = Move(current, module, asking, limits);
                    status = current.Resume([WasmValue.FromI32(Answer(question))], results);
                }

                return status;
            });
            if (!expected.Contains("at", StringComparison.Ordinal))
                actual = Outcome(
                    current, r => { r[0] = WasmValue.FromI64(
                        long.Parse(actual.Split(' ')[0],
                            System.Globalization.CultureInfo.InvariantCulture)); return WasmCallStatus.Completed; });
            Assert.True(expected == actual, $"seed {seed}: {actual}, expected {expected}");
            if (ChosenEngine.IsManaged)
                Assert.Equal(((ManagedInstance)straight).Fuel, ((ManagedInstance)current).Fuel);
            current.Dispose();
        }

        output.WriteLine($"{suspensions} suspensions");
        Assert.True(suspensions > 300);
    }

    private static IWasmInstance Move(
        IWasmInstance instance, IWasmModule module, HostFunction asking, InstanceLimits limits)
    {
        var bytes = new ArrayBufferWriter<byte>();
        instance.WriteSnapshot(bytes);
        instance.Dispose();
        return module.Restore(bytes.WrittenSpan, [asking], limits);
    }

    private static ModuleBuilder Asker()
    {
        var m = new ModuleBuilder().Memory(1, null, "memory").Data(8, "kept"u8);
        var type = m.Type([I32], [I32]);
        m.ImportFunction("host", "ask", type);
        m.Function(type, new Code().Get(0).Call(0).Get(0).Op(0x6A).End(), "run");
        m.Function(type, new Code().Get(0).End(), "pure");
        return m;
    }

    private static (IWasmModule Module, IWasmInstance Instance, byte[] Snapshot) SuspendedAsker()
    {
        var module = Compile(Asker());
        var instance = module.Instantiate([Asking(_ => true, _ => { })], Limits);
        Assert.Equal(WasmCallStatus.Suspended, instance.Call("run", [WasmValue.FromI32(5)], new WasmValue[1]));
        var bytes = new ArrayBufferWriter<byte>();
        instance.WriteSnapshot(bytes);
        return (module, instance, bytes.WrittenSpan.ToArray());
    }

    [Fact]
    public void A_suspended_agent_costs_its_touched_memory_and_little_more()
    {
        var (_, instance, snapshot) = SuspendedAsker();
        instance.Dispose();
        // A page was touched; the journal of the Wasmtime engine holds no memory that the guest wrote itself.
        var touched = ChosenEngine.IsManaged ? 4_096 : 0;
        Assert.InRange(snapshot.Length, touched, touched + 2_048);
    }

    [Fact]
    public void A_suspended_instance_can_be_called_beside_and_resumes_once()
    {
        var (_, instance, _) = SuspendedAsker();
        var results = new WasmValue[1];
        Assert.Equal(3, instance.Call("pure", 3));
        Assert.Throws<ArgumentException>(() => instance.Resume([], new WasmValue[1]));
        Assert.Equal(WasmCallStatus.Completed, instance.Resume([WasmValue.FromI32(10)], results));
        Assert.Equal(15, results[0].AsI32());
        Assert.Throws<InvalidOperationException>(() => instance.Resume([default], new WasmValue[1]));
        Assert.Equal(3, instance.Call("pure", 3));
    }

    [Fact]
    public void Time_that_was_given_back_for_machine_code_stays_given_back_through_bytes()
    {
        var module = CompileManaged(Asker());
        using var instance = (ManagedInstance)module.Instantiate([Asking(_ => true, _ => { })], Limits);
        Assert.Equal(WasmCallStatus.Suspended, instance.Call("run", [WasmValue.FromI32(5)], new WasmValue[1]));
        instance.Charge(3 * ManagedInstance.MaxCredit / 2, ManagedInstance.MaxCredit);
        var bytes = new ArrayBufferWriter<byte>();
        instance.WriteSnapshot(bytes);

        using var restored = (ManagedInstance)module.Restore(
            bytes.WrittenSpan, [Asking(_ => true, _ => { })], Limits);

        Assert.Equal((instance.CpuUsed, 0), (restored.CpuUsed, restored.CreditLeft));
    }

    [Fact]
    public void A_large_guest_is_written_without_a_second_copy_of_its_memory()
    {
        var m = new ModuleBuilder().Memory(256, null, "memory");
        var type = m.Type([I32], [I32]);
        m.ImportFunction("host", "ask", type);
        m.Function(type, new Code().Get(0).Call(0).End(), "run");
        using var instance = CompileManaged(m).Instantiate([Asking(_ => true, _ => { })], Limits);
        instance.Memory!.Slice(0, 256 << 16).Fill(1);
        Assert.Equal(WasmCallStatus.Suspended, instance.Call("run", [WasmValue.FromI32(5)], new WasmValue[1]));
        var bytes = new ArrayBufferWriter<byte>(20 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();

        instance.WriteSnapshot(bytes);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.InRange(bytes.WrittenCount, 256 << 16, 20 << 20);
    }

    [Fact]
    public void Every_damaged_or_shortened_snapshot_is_refused()
    {
        var (module, _, snapshot) = SuspendedAsker();
        HostFunction[] functions = [Asking(_ => true, _ => { })];
        for (var i = 0; i < snapshot.Length; i += 37)
        {
            var damaged = snapshot.ToArray();
            damaged[i] ^= 0x10;
            Assert.Throws<WasmSnapshotException>(() => module.Restore(damaged, functions, Limits));
            Assert.Throws<WasmSnapshotException>(() => module.Restore(snapshot.AsSpan(0, i), functions, Limits));
        }
    }

    [Fact]
    public void A_forged_snapshot_with_a_right_digest_never_escapes()
    {
        var (module, _, snapshot) = SuspendedAsker();
        HostFunction[] functions = [Asking(_ => true, _ => { })];
        var content = snapshot[..^32];
        for (var i = 40; i < content.Length; i += content.Length - i < 64 || i < 120 ? 1 : 101)
        {
            foreach (var value in (byte[])[0xFF, 0x01, 0x80])
            {
                var forged = content.ToArray();
                forged[i] ^= value;
                var whole = (byte[])[.. forged, .. System.Security.Cryptography.SHA256.HashData(forged)];
                var thrown = Record.Exception(() =>
                {
                    using var restored = module.Restore(whole, functions, Limits);
                    restored.Resume([WasmValue.FromI32(1)], new WasmValue[1]);
                });
                Assert.True(thrown is null or WasmSnapshotException or WasmTrapException, thrown?.ToString());
            }
        }
    }

    [Fact]
    public void Element_segments_stay_dropped_or_readable_and_many_cost_no_more_than_they_are()
    {
        const int Segments = 90_000;
        var m = Asker().Table(2);
        for (var i = 0; i < Segments; i++) m.PassiveElements(1);
        var type = m.Type([I32], [I32]);
        m.Function(type, new Code().With(0xFC0D, 0).Get(0).Call(0).End(), "drop");
        m.Function(type, new Code().I32(0).I32(0).Get(0).With(0xFC0C, 0, 0).I32(0).End(), "first");
        m.Function(type, new Code().I32(1).I32(0).Get(0).With(0xFC0C, 1, 0).I32(0).End(), "second");
        var module = Compile(m);
        var asking = Asking(_ => true, _ => { });
        var instance = module.Instantiate([asking], Limits);
        Assert.Equal(WasmCallStatus.Suspended, instance.Call("drop", [WasmValue.FromI32(5)], new WasmValue[1]));

        var before = GC.GetAllocatedBytesForCurrentThread();
        using var restored = Move(instance, module, asking, Limits);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.InRange(allocated, 0, 1_000L * Segments);
        Assert.Equal(WasmCallStatus.Completed, restored.Resume([WasmValue.FromI32(10)], new WasmValue[1]));
        Assert.Equal(0, restored.Call("second", 1));
        Assert.Equal(0, restored.Call("first", 0));
        Assert.Equal(TrapKind.TableOutOfBounds, Traps(() => restored.Call("first", 1)).Kind);
    }

    [Fact]
    public void A_snapshot_of_another_module_is_refused()
    {
        var (_, _, snapshot) = SuspendedAsker();
        var other = Asker();
        other.Global(I32, true, new Code().I32(1).End());
        Assert.Throws<WasmSnapshotException>(() =>
            Compile(other).Restore(snapshot, [Asking(_ => true, _ => { })], Limits));
    }

    [Fact]
    public void A_function_that_did_not_say_it_blocks_cannot_suspend()
    {
        var lying = new HostFunction(AskType, false, static (_, _, _) => HostReturn.Suspend);
        using var instance = Compile(Asker()).Instantiate([lying], Limits);
        Assert.Throws<InvalidOperationException>(() => instance.Call("run", [WasmValue.FromI32(1)], new WasmValue[1]));
    }

    [Fact]
    public void Thousands_of_suspended_agents_wake_in_random_order_and_none_is_lost()
    {
        var agents = int.TryParse(Environment.GetEnvironmentVariable("AGENTRUNTIME_SUSPENDED_AGENTS"),
            System.Globalization.CultureInfo.InvariantCulture, out var wanted) ? wanted : 2_000;
        var module = Compile(Asker());
        var asking = Asking(_ => true, _ => { });
        var random = new Random(7);
        var waiting = new List<(int Id, byte[] Snapshot)>();
        for (var id = 0; id < agents; id++)
        {
            using var instance = module.Instantiate([asking], Limits);
            instance.Call("run", [WasmValue.FromI32(id)], new WasmValue[1]);
            var bytes = new ArrayBufferWriter<byte>(8_192);
            instance.WriteSnapshot(bytes);
            waiting.Add((id, bytes.WrittenSpan.ToArray()));
        }

        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(waiting));
        foreach (var (id, snapshot) in waiting)
        {
            using var instance = module.Restore(snapshot, [asking], Limits);
            var results = new WasmValue[1];
            Assert.Equal(WasmCallStatus.Completed, instance.Resume([WasmValue.FromI32(id * 2)], results));
            Assert.Equal(id * 3, results[0].AsI32());
        }
    }

    [Fact]
    public void Thousands_of_agents_suspended_in_memory_wake_in_random_order_and_hold_no_thread()
    {
        var module = Compile(Asker());
        var asking = Asking(_ => true, _ => { });
        var waiting = new (int Id, IWasmInstance Instance)[2_000];
        for (var id = 0; id < waiting.Length; id++)
        {
            waiting[id] = (id, module.Instantiate([asking], Limits));
            Assert.Equal(WasmCallStatus.Suspended,
                waiting[id].Instance.Call("run", [WasmValue.FromI32(id)], new WasmValue[1]));
        }

        // All of them wait, and this thread, which every one of them ran on, is free to go on.
        new Random(8).Shuffle(waiting);
        var results = new WasmValue[1];
        foreach (var (id, instance) in waiting)
        {
            Assert.Equal(WasmCallStatus.Completed, instance.Resume([WasmValue.FromI32(id * 2)], results));
            Assert.Equal(id * 3, results[0].AsI32());
            instance.Dispose();
        }
    }
}
