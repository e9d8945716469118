using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Wasmtime.Tests.GivenLibrary;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>The binding against the library itself, beyond what the suites of both engines check.</summary>
[Collection("library")] // Mappings of the process are counted by a test of the other class.
public sealed class ExecutionTests(ITestOutputHelper output)
{
    [Fact]
    public void The_library_says_its_release()
    {
        if (Given(output) is not { } engine) return;

        output.WriteLine(engine.Version);
        Assert.Matches(@"^(36\.\d+\.\d+|48|50)$", engine.Version);
    }

    [Fact]
    public void Vectors_cross_both_ways()
    {
        if (Given(output) is not { } engine) return;
        // (func (export "g") (param v128) (result v128) (call $f (local.get 0))), with f imported.
        byte[] wasm =
        [
            0x00, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 0x01, 6, 1, 0x60, 1, 0x7B, 1, 0x7B, 0x02, 7, 1, 1, (byte)'h', 1,
            (byte)'f', 0, 0, 0x03, 2, 1, 0, 0x07, 5, 1, 1, (byte)'g', 0, 1, 0x0A, 8, 1, 6, 0, 0x20, 0, 0x10, 0, 0x0B,
        ];
        var module = engine.Compile(wasm);
        var type = new FunctionType([WasmValueType.V128], [WasmValueType.V128]);
        Assert.Equal(type, module.Imports[0].Function);
        Assert.Equal(type, module.Exports[0].Function);
        using var instance = module.Instantiate(
            [
                new HostFunction(type, false, static (_, arguments, results) =>
                {
                    results[0] = new WasmValue(arguments[0].Bits + arguments[0].Bits);
                    return HostReturn.Completed;
                }),
            ],
            Limits);
        var results = new WasmValue[1];

        instance.Call("g", [new WasmValue(Vector128.Create(3UL, 5UL))], results);

        Assert.Equal(Vector128.Create(6UL, 10UL), results[0].Bits);
    }

    [Fact]
    public void Calls_both_ways_allocate_nothing()
    {
        if (Given(output) is not { } engine) return;
        using var instance = engine.Start();
        WasmValue[] arguments = [WasmValue.FromI32(20_000), default];
        var results = new WasmValue[1];
        for (var i = 0; i < 100; i++) Round();

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) Round();

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Round()
        {
            instance.Call("add", arguments, results);
            instance.Call("times", arguments.AsSpan(0, 1), results);
        }
    }

    [Fact]
    public void Memory_is_reached_only_within_its_bounds_and_where_it_is_after_growth()
    {
        if (Given(output) is not { } engine) return;
        using var instance = engine.Start();
        instance.Memory!.Slice(65_532, 4)[0] = 7;

        Assert.Equal(7, instance.CallI32("load", 65_532));
        Assert.Equal(TrapKind.MemoryOutOfBounds, Traps(() => instance.Memory.Slice(65_533, 4)).Kind);
        Assert.Equal(TrapKind.MemoryOutOfBounds, Traps(() => instance.Memory.Slice(uint.MaxValue, uint.MaxValue)).Kind);
        Assert.Equal(1, instance.CallI32("grow", 2));
        Assert.Equal(3 * 65_536, instance.Memory.LengthBytes);
        instance.Memory.Slice(3 * 65_536 - 1, 1)[0] = 9;
        Assert.Equal(7, instance.Memory.Slice(65_532, 1)[0]);
    }

    [Fact]
    public void A_module_that_imports_one_name_twice_reaches_both_functions()
    {
        if (Given(output) is not { } engine) return;
        using var instance = engine.Compile(GuestModules.ImportsTwice).Instantiate(
            [Host(Doubling), Host(static (_, arguments, results) =>
            {
                results[0] = WasmValue.FromI32(arguments[0].AsI32() + 1);
                return HostReturn.Completed;
            })],
            Limits);

        Assert.Equal((20, 11), (instance.CallI32("first", 10), instance.CallI32("second", 10)));
    }

    [Fact]
    public void Windows_that_are_only_read_cost_a_guest_that_may_wait_nothing()
    {
        if (Given(output) is not { } engine) return;
        var allocated = 0L;
        using var instance = engine.Compile(GuestModules.Guest).Instantiate(
            [Host((guest, _, _) =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 1_000; i++) guest.Memory!.View(0, (uint)guest.Memory.LengthBytes);
                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                return HostReturn.Suspend;
            }, mayBlock: true)],
            Limits);
        instance.CallI32("grow", 7);

        Assert.Equal(WasmCallStatus.Suspended, instance.Call("run", [WasmValue.FromI32(1)], new WasmValue[1]));

        Assert.Equal(0, allocated);
        Assert.Equal(WasmCallStatus.Completed, instance.Resume([WasmValue.FromI32(2)], new WasmValue[1]));
    }

    [Fact]
    public void Windows_to_write_to_are_kept_for_a_guest_that_may_wait_up_to_its_journals_limit()
    {
        if (Given(output) is not { } engine) return;
        var allocated = 0L;
        using var instance = engine.Compile(GuestModules.Guest).Instantiate(
            [Host((guest, _, _) =>
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 500; i++) guest.Memory!.Slice(0, (uint)guest.Memory.LengthBytes);
                allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                return HostReturn.Suspend;
            }, mayBlock: true)],
            Limits);
        instance.CallI32("grow", 7);

        var trap = Traps(() => instance.Call("run", [WasmValue.FromI32(1)], new WasmValue[1]));

        Assert.Equal(TrapKind.ResourceLimit, trap.Kind);
        Assert.InRange(allocated, 0, 2L * engine.Options.MaxJournalBytes);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(long.MaxValue / 2, false)]
    public void What_playing_back_has_taken_in_all_is_bounded_and_kept_with_a_guest(long replayed, bool goesOn)
    {
        if (Given(output) is not { } engine) return;
        const int Calls = 400_000;
        var left = Calls;
        HostFunction[] functions =
            [Host((_, _, results) =>
            {
                results[0] = WasmValue.FromI32(1);
                return --left == 0 ? HostReturn.Suspend : HostReturn.Completed;
            }, mayBlock: true)];
        var module = engine.Compile(GuestModules.Guest);
        using var instance = module.Instantiate(functions, Limits);
        Assert.Equal(
            WasmCallStatus.Suspended, instance.Call("times", [WasmValue.FromI32(Calls)], new WasmValue[1]));
        var written = new ArrayBufferWriter<byte>();
        instance.WriteSnapshot(written);
        var snapshot = written.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(snapshot.AsSpan(48), replayed);
        SHA256.HashData(snapshot.AsSpan(..^32), snapshot.AsSpan(^32..));

        using var restored = module.Restore(snapshot, functions, Limits);
        var go = () => restored.Resume([WasmValue.FromI32(2)], new WasmValue[1]);

        if (goesOn) Assert.Equal(WasmCallStatus.Completed, go());
        else Assert.Equal(TrapKind.CpuTimeExhausted, Traps(() => go()).Kind);
    }

    [Fact]
    public void A_guest_without_loops_is_stopped_between_bulk_instructions_or_refused()
    {
        if (Given(output) is not { } engine) return;
        var fill = new byte[] { 0x41, 0, 0x41, 1, 0x20, 0, 0xFC, 11, 0 };
        var wasm = BinaryModule.Of(
            memoryPages: 1_024, [0, .. Enumerable.Repeat(fill, 20_000).SelectMany(f => f), 0x0B]);
        if (!Native.NativeRelease.Loaded.WatchesBulk)
        {
            Assert.Equal(ModuleFault.TooLarge, Assert.Throws<WasmModuleException>(() => engine.Compile(wasm)).Fault);
            return;
        }

        using var instance = engine.Compile(wasm).Instantiate(
            [], Limits with { MaxCpuTime = TimeSpan.FromMilliseconds(30) });
        WasmValue[] length = [WasmValue.FromI32(64 << 20)];

        Assert.Equal(TrapKind.CpuTimeExhausted, Traps(() => instance.Call("run", length, [])).Kind);
    }

    [Fact]
    public void A_compiler_that_still_works_for_others_is_busy_and_the_module_not_to_blame()
    {
        if (Given(output) is null) return;
        var engine = new WasmtimeEngine(
            Loading.WasmtimeLibrary.Find(null)!, new() { PooledInstances = 0, MaxOverdueCompilations = 0 });

        var error = Assert.Throws<RuntimeErrorException>(() => engine.Compile(GuestModules.Guest)).Error;

        Assert.Equal(ReasonCodes.SandboxBusy, error.Code);
        Assert.True(error.RetryAfter > TimeSpan.Zero);
    }

    [Fact]
    public void Code_that_counts_fuel_takes_memory_once_it_is_made()
    {
        if (Given(output) is not { } engine) return;
        var module = engine.Compile(GuestModules.Guest);
        var plain = module.SizeBytes;
        module.Instantiate([Host(Doubling)], Limits with { Fuel = 1_000 }).Dispose();

        Assert.InRange(module.SizeBytes, plain * 3 / 2, plain * 2);
    }

    [Fact]
    public void A_function_of_another_type_or_number_is_not_linked()
    {
        if (Given(output) is not { } engine) return;
        var module = engine.Compile(GuestModules.Guest);
        var other = new HostFunction(new FunctionType([], []), false, Doubling);

        Assert.Throws<WasmLinkException>(() => module.Instantiate([], Limits));
        Assert.Throws<WasmLinkException>(() => module.Instantiate([other], Limits));
        Assert.Throws<WasmLinkException>(() => module.Instantiate([Host(Doubling), Host(Doubling)], Limits));
    }

    [Fact]
    public void Instances_that_nobody_disposed_are_collected_and_their_places_used_again()
    {
        if (Given(output) is not { } engine) return;
        var module = engine.Compile(GuestModules.Guest);
        HostFunction[] functions = [Host(Doubling)];
        for (var round = 0; round < 3; round++)
        {
            Forget(module, functions, engine.Options.PooledInstances / 2);
#pragma warning disable RS0030 // What a collection does to forgotten instances is what is tested.
            GC.Collect();
            GC.WaitForPendingFinalizers();
#pragma warning restore RS0030
        }
    }

    // On a frame of its own, so that none is still in a local.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(IWasmModule module, HostFunction[] functions, int count)
    {
        for (var i = 0; i < count; i++) module.Instantiate(functions, Limits);
    }

    [Fact]
    public void Fuel_is_counted_and_the_same_every_time()
    {
        if (Given(output) is not { } engine) return;
        var used = Enumerable.Range(0, 3).Select(_ =>
        {
            using var instance = engine.Start(limits: Limits with { Fuel = 100_000 });
            instance.CallI32("times", 100);
            return 100_000 - (int)((Execution.WasmtimeInstance)instance).Fuel!;
        }).Distinct();

        Assert.InRange(Assert.Single(used), 100, 10_000);
    }
}
