using AgentRuntime.Sandboxes.Core;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Wasmtime.Tests.GivenLibrary;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>
/// Guests whose start function calls the host, when the library has not given the instance out yet. It ends the process
/// of whoever shows it something of another store.
/// </summary>
[Collection("library")]
public sealed class StartFunctionTests(ITestOutputHelper output)
{
    [Fact]
    public void A_host_function_reaches_memory_and_exports_of_a_guest_that_starts()
    {
        if (Given(output) is not { } engine) return;
        var seen = new List<string>();
        using var instance = engine.Compile(GuestModules.CallsFromStart).Instantiate([Host(Reading(seen))], Limits);

        Assert.Equal(["start"], seen);
        Assert.Equal(65_536, instance.Memory!.LengthBytes);
        // What the host gave at the start, and what it gives now.
        Assert.Equal(15 + 11, instance.CallI32("run", 1));
    }

    [Fact]
    public void A_guest_whose_start_function_called_the_host_is_suspended_and_resumed()
    {
        if (Given(output) is not { } engine) return;
        var seen = new List<string>();
        using var instance = Suspended(engine, seen);
        var results = new WasmValue[1];

        instance.Memory!.Slice(16, 5)[0] = (byte)'S';
        Assert.Equal(WasmCallStatus.Completed, instance.Resume([WasmValue.FromI32(100)], results));

        Assert.Equal(115, results[0].AsI32());
        Assert.Equal(["start"], seen);
        Assert.Equal("Start"u8, instance.Memory.View(16, 5));
    }

    [Fact]
    public void A_guest_that_is_stopped_while_it_starts_again_has_no_memory_any_more()
    {
        if (Given(output) is not { } engine) return;
        using var instance = Suspended(engine, []);
        var over = false;
        var stopping = new Thread(() =>
        {
            while (!Volatile.Read(ref over)) instance.Interrupt(TrapKind.Stopped);
        });
        stopping.Start();

        var trap = Traps(() => instance.Resume([WasmValue.FromI32(100)], new WasmValue[1]));
        Volatile.Write(ref over, true);
        stopping.Join();

        Assert.Equal(TrapKind.Stopped, trap.Kind);
        Assert.Equal(0, instance.Memory!.LengthBytes);
        Assert.Equal(TrapKind.MemoryOutOfBounds, Traps(() => instance.Memory.View(0, 1)).Kind);
    }

    private static IWasmInstance Suspended(WasmtimeEngine engine, List<string> seen)
    {
        var reading = Reading(seen);
        var instance = engine.Compile(GuestModules.CallsFromStart).Instantiate(
            [
                Host(
                    (guest, arguments, results) => arguments[0].AsI32() == 5
                        ? reading(guest, arguments, results)
                        : HostReturn.Suspend,
                    mayBlock: true),
            ],
            Limits);
        Assert.Equal(WasmCallStatus.Suspended, instance.Call("run", [WasmValue.FromI32(1)], new WasmValue[1]));
        return instance;
    }

    /// <summary>Reads the text of a guest that starts, and adds ten by the guest's own export.</summary>
    private static HostFunctionBody Reading(List<string> seen) => (guest, arguments, results) =>
    {
        if (arguments[0].AsI32() == 5) seen.Add(System.Text.Encoding.UTF8.GetString(guest.Memory!.View(16, 5)));
        results[0] = WasmValue.FromI32(guest.CallI32("add", arguments[0].AsI32(), 10));
        return HostReturn.Completed;
    };
}
