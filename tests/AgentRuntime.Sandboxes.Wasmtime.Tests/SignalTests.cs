using System.Diagnostics;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Loading;
using AgentRuntime.Sandboxes.Wasmtime.Signals;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Wasmtime.Tests.GivenLibrary;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>The conditions for living beside .NET's signal handlers, one or two tests for each.</summary>
[Collection("library")]
public sealed class SignalTests(ITestOutputHelper output)
{
    private const int SigUsr2 = 12;
    private const int SigSys = 31;
    private const int Restart = 0x1000_0000;
    private const nint Ignore = 1;

    [Fact]
    public unsafe void An_action_comes_back_as_it_was_set()
    {
        if (!Posix.IsSupported) return;
        var before = SignalMasks.Read(SigUsr2);
        try
        {
            var set = new SignalAction { Handler = Ignore, Flags = Restart };
            set.Mask[0] = (1UL << (SigSys - 1)) | (1UL << (Posix.Activation - 1));
            Assert.Equal(0, Posix.SigAction(SigUsr2, &set, null));

            var back = SignalMasks.Read(SigUsr2);

            Assert.Equal(Ignore, back.Handler);
            Assert.Equal(set.Mask[0], back.Mask[0]);
            Assert.Equal(Restart, back.Flags & Restart);
            Assert.True(SignalMasks.Blocks(back, SigSys));
            Assert.False(SignalMasks.Blocks(back, SigUsr2));
        }
        finally
        {
            Assert.Equal(0, Posix.SigAction(SigUsr2, &before, null));
        }

        Assert.Equal(before.Handler, SignalMasks.Read(SigUsr2).Handler);
    }

    [Fact]
    public unsafe void A_handler_installed_later_gets_the_mask_of_the_one_before_it_and_the_activation_signal()
    {
        if (!Posix.IsSupported) return;
        var before = SignalMasks.Read(Posix.SigBus);
        try
        {
            var masked = before;
            masked.Mask[0] |= 1UL << (SigSys - 1);
            Assert.Equal(0, Posix.SigAction(Posix.SigBus, &masked, null));
            var masks = SignalMasks.Capture();
            var bare = new SignalAction { Handler = before.Handler == Ignore ? 0 : Ignore };
            Assert.Equal(0, Posix.SigAction(Posix.SigBus, &bare, null));

            Assert.Equal(1, masks.RestoreOnNewHandlers());

            var now = SignalMasks.Read(Posix.SigBus);
            Assert.Equal(bare.Handler, now.Handler);
            Assert.True(SignalMasks.Blocks(now, SigSys));
            Assert.True(SignalMasks.Blocks(now, Posix.Activation));
        }
        finally
        {
            Assert.Equal(0, Posix.SigAction(Posix.SigBus, &before, null));
        }
    }

    [Fact]
    public void The_librarys_handlers_block_the_signal_that_stops_threads()
    {
        if (Given(output) is not { } engine) return;
        using (engine.Start())
        {
            int[] signals = [Posix.SigIll, Posix.SigFpe, Posix.SigSegv];
            Assert.All(signals, s => Assert.True(SignalMasks.Blocks(SignalMasks.Read(s), Posix.Activation), $"{s}"));
        }
    }

    [Fact]
    public async Task Null_references_of_the_host_during_collections_and_traps_of_guests_do_not_disturb_one_another()
    {
        if (Given(output) is not { } engine) return;
        var began = Stopwatch.GetTimestamp();
        var nulls = 0;
        var traps = 0;
        Action[] work = [NullReferences, NullReferences, Traps, Collections];

        await Task.WhenAll(work.Select(w => Task.Factory.StartNew(
            w, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

        output.WriteLine($"{nulls} null references, {traps} traps");
        Assert.True(nulls > 10 && traps > 10);

        // On a busy machine the few that are wanted take longer.
        bool IsOver() => Stopwatch.GetElapsedTime(began) is var since && (since > TimeSpan.FromMinutes(2)
            || (since > TimeSpan.FromSeconds(3) && Volatile.Read(ref nulls) > 10 && Volatile.Read(ref traps) > 10));

        void NullReferences()
        {
            string? nothing = null;
            while (!IsOver())
            {
                try
                {
                    _ = nothing!.Length;
                }
                catch (NullReferenceException)
                {
                    Interlocked.Increment(ref nulls);
                }
            }
        }

        void Traps()
        {
            var module = engine.Compile(GuestModules.Guest);
            while (!IsOver())
            {
                using var instance = module.Instantiate([Host(Doubling)], Limits);
                var trap = GivenLibrary.Traps(() => instance.CallI32(
                    traps % 2 == 0 ? "divide" : "load", traps % 2 == 0 ? [1, 0] : [-4]));
                traps += trap.Kind is TrapKind.IntegerDivideByZero or TrapKind.MemoryOutOfBounds ? 1 : 0;
            }

            engine.LeaveThread();
        }

        void Collections()
        {
#pragma warning disable RS0030 // The collector must stop the threads while they fault.
            while (!IsOver()) GC.Collect();
#pragma warning restore RS0030
        }
    }

    [Fact]
    public void A_thread_that_leaves_has_its_own_signal_stack_back()
    {
        if (Given(output) is not { } engine) return;
        OnThread(4 << 20, () =>
        {
            var own = GuestThread.AlternateStack();
            using (var instance = engine.Start()) instance.CallI32("add", 1, 2);

            engine.LeaveThread();

            Assert.Equal(own.Address, GuestThread.AlternateStack().Address);
            Assert.Equal(own.Bytes, GuestThread.AlternateStack().Bytes);
        });
    }

    [Fact]
    public void The_library_keeps_the_signal_stack_that_a_guests_thread_is_given()
    {
        if (Given(output) is not { } engine) return;
        OnThread(4 << 20, () =>
        {
            GuestThread.Enter(512 << 10);
            var given = GuestThread.AlternateStack();
            using (var instance = engine.Start()) instance.CallI32("add", 1, 2);

            Assert.True(given.Bytes >= 256 << 10);
            Assert.Equal(given.Address, GuestThread.AlternateStack().Address);
            engine.LeaveThread();
        });
    }

    [Fact]
    public void Threads_that_come_and_go_leave_no_mappings_behind()
    {
        if (Given(output) is not { } engine) return;
        const int Threads = 200;
        var module = engine.Compile(GuestModules.Guest);
        for (var i = 0; i < 20; i++) OnThread(2 << 20, Run);
        var before = File.ReadLines("/proc/self/maps").Count();

        for (var i = 0; i < Threads; i++) OnThread(2 << 20, Run);

        var more = File.ReadLines("/proc/self/maps").Count() - before;
        output.WriteLine($"{more} mappings more after {Threads} threads");
        // Two a thread without care; other tests run beside this one and map what they need.
        Assert.InRange(more, int.MinValue, Threads);

        void Run()
        {
            using (var instance = module.Instantiate([Host(Doubling)], Limits)) instance.CallI32("add", 1, 2);
            engine.LeaveThread();
        }
    }

    [Fact]
    public void A_thread_without_room_for_a_guest_and_its_host_functions_is_refused()
    {
        if (Given(output) is not { } engine) return;

        OnThread(2 << 20, () => WithRoom(700 << 10, () =>
            Assert.Throws<InvalidOperationException>(() => engine.Start())));
    }

    private static WasmtimeLibrary Library() => WasmtimeLibrary.Find(null)!;

    // Goes down until so much of the thread's stack is left; libc may have given it a larger one than was asked for.
    private static unsafe int WithRoom(nuint bytes, Action action)
    {
        var filled = stackalloc byte[32 << 10];
        filled[0] = 1;
        if ((nuint)filled - Posix.StackLow() > bytes) return filled[0] + WithRoom(bytes, action);
        action();
        return filled[0];
    }

    [Fact]
    public void Doing_without_signals_is_refused_by_a_release_without_the_switch_and_traps_in_one_that_has_it()
    {
        if (Given(output) is not { } engine) return;
        var options = new WasmtimeEngineOptions { TrapsBySignals = false, PooledInstances = 0 };
        if (engine.Version.StartsWith("36.", StringComparison.Ordinal))
        {
            var thrown = Assert.Throws<RuntimeErrorException>(() => new WasmtimeEngine(Library(), options));
            Assert.Equal(ReasonCodes.SandboxLibrary, thrown.Error.Code);
            Assert.Contains("TrapsBySignals", thrown.Error.Message, StringComparison.Ordinal);
            return;
        }

        var without = new WasmtimeEngine(Library(), options);
        Assert.Equal(TrapKind.IntegerDivideByZero, Trapped("divide", 1, 0));
        Assert.Equal(TrapKind.MemoryOutOfBounds, Trapped("load", -4));
        Assert.Equal(TrapKind.CallStackExhausted, Trapped("recurse"));

        TrapKind Trapped(string export, params int[] arguments)
        {
            using var instance = without.Start();
            return Traps(() => instance.CallI32(export, arguments)).Kind;
        }
    }

    [Fact]
    public void Recursion_ends_in_a_trap_on_a_thread_that_is_just_large_enough_and_the_thread_goes_on()
    {
        if (Given(output) is not { } engine) return;
        OnThread(1 << 20, () =>
        {
            for (var i = 0; i < 3; i++)
            {
                using var instance = engine.Start();
                var trap = Traps(() => instance.CallI32("recurse"));
                Assert.Equal((TrapKind.CallStackExhausted, "recurse"), (trap.Kind, trap.FunctionName));
            }

            engine.LeaveThread();
        });
    }

    [Fact]
    public void What_a_host_function_throws_comes_back_whether_it_is_a_trap_or_not()
    {
        if (Given(output) is not { } engine) return;
        var refusal = new WasmTrapException(TrapKind.HostCallLimit, "enough");
        var bug = new FormatException("a bug of the host");
        using var refused = engine.Start((_, _, _) => throw refusal);
        using var failed = engine.Start((_, _, _) => throw bug);

        Assert.Same(refusal, Traps(() => refused.CallI32("run", 1)));
        Assert.Equal("run", refusal.FunctionName);
        Assert.True(refusal.Offset > 0);
        Assert.Same(bug, Assert.Throws<FormatException>(() => failed.CallI32("run", 1)));
        Assert.Throws<InvalidOperationException>(() => refused.CallI32("add", 1, 2));
    }

    [Fact]
    public unsafe void No_native_backtrace_is_captured_whatever_the_environment_says()
    {
        if (Given(output) is null) return;
        fixed (byte* one = "RUST_BACKTRACE\0"u8, two = "RUST_LIB_BACKTRACE\0"u8)
        {
            Assert.True(Posix.GetEnvironment(one) is null);
            Assert.True(Posix.GetEnvironment(two) is null);
        }
    }

    // Where the tests run with RUST_BACKTRACE=1, as many machines for Rust set it, this is what a user would read.
    [Fact]
    public void No_message_holds_a_native_backtrace()
    {
        if (Given(output) is not { } engine) return;
        var module = engine.Compile(GuestModules.Guest);
        using var guest = engine.Start();
        Exception[] thrown =
        [
            Assert.Throws<WasmModuleException>(() => engine.Compile([.. GuestModules.Guest[..^1], 0x6A])),
            Record.Exception(() => module.Instantiate([Host(Doubling)], Limits with { MaxMemoryBytes = 1 })),
            Traps(() => guest.CallI32("divide", 1, 0)),
        ];

        Assert.All(thrown, e => output.WriteLine(e.Message));
        Assert.All(thrown, e => Assert.DoesNotContain("backtrace", e.Message, StringComparison.OrdinalIgnoreCase));
    }
}
