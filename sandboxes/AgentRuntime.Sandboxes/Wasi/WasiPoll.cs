using System.Buffers.Binary;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;
using AgentRuntime.Sandboxes.World;

namespace AgentRuntime.Sandboxes.Wasi;

/// <summary>
/// <c>poll_oneoff</c>, with which libraries sleep: clocks alone make the guest wait like <c>timer.sleep</c>, without a
/// thread. The standard streams are always ready. What will have happened is known before the wait, and is written
/// before it. Stateless.
/// </summary>
internal static class WasiPoll
{
    private const int SubscriptionBytes = 48;
    private const int EventBytes = 32;
    private const uint MaxSubscriptions = 64;
    private const byte ClockTag = 0;
    private const byte LastTag = 2;
    private const ushort Absolute = 1;

    /// <summary>Within what timers can hold, as for <c>timer.sleep</c>.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromDays(30);

    public static WorldFunction Function { get; } = new(
        WasiImports.Module, "poll_oneoff", Signature.Of("iiii", "i"), MayBlock: true, Poll);

    /// <param name="UserData">What the guest recognizes it by.</param>
    /// <param name="Tag">A clock, or a stream to read or write.</param>
    /// <param name="Error">Why there is nothing to wait for.</param>
    /// <param name="Wait">How long until it happens.</param>
    private readonly record struct Subscription(ulong UserData, byte Tag, WasiErrno Error, TimeSpan Wait);

    private static HostReturn Poll(GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results)
    {
        var (input, output) = ((uint)arguments[0].AsI32(), (uint)arguments[1].AsI32());
        var count = (uint)arguments[2].AsI32();
        results[0] = WasmValue.FromI32((int)WasiErrno.Invalid);
        if (count is 0 or > MaxSubscriptions) return HostReturn.Completed;
        var subscriptions = new Subscription[count];
        var shortest = MaxWait;
        for (var i = 0u; i < count; i++)
        {
            var area = GuestText.View(session.Memory, input + (i * SubscriptionBytes), SubscriptionBytes, 8);
            if (area[8] > LastTag) return HostReturn.Completed;
            subscriptions[i] = Read(session, area);
            if (subscriptions[i].Wait < shortest) shortest = subscriptions[i].Wait;
        }

        if (shortest > TimeSpan.Zero && !session.MayBlock)
        {
            results[0] = WasmValue.FromI32((int)WasiErrno.NotSupported);
            return HostReturn.Completed;
        }

        var happened = 0u;
        foreach (var subscription in subscriptions)
            if (subscription.Wait <= shortest) Write(session, output + (happened++ * EventBytes), subscription);
        WasiImports.StoreU32(session, arguments[3], happened);
        results[0] = WasmValue.FromI32((int)WasiErrno.Success);
        return shortest > TimeSpan.Zero
            ? session.BlockInPoll(new HostCall.Sleep(shortest), results)
            : HostReturn.Completed;
    }

    private static Subscription Read(GuestSession session, ReadOnlySpan<byte> area)
    {
        var userData = BinaryPrimitives.ReadUInt64LittleEndian(area);
        var id = BinaryPrimitives.ReadUInt32LittleEndian(area[16..]);
        if (area[8] != ClockTag)
            return new(userData, area[8], id <= 2 ? WasiErrno.Success : WasiErrno.BadDescriptor, TimeSpan.Zero);
        if (id > 1) return new(userData, ClockTag, WasiErrno.Invalid, TimeSpan.Zero);
        var wanted = TimeSpan.FromMilliseconds(
            (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(area[24..]) / 1e6, long.MaxValue / 20_000));
        if ((BinaryPrimitives.ReadUInt16LittleEndian(area[40..]) & Absolute) != 0)
            wanted -= id == 0 ? session.Time.GetUtcNow() - DateTimeOffset.UnixEpoch : session.Time.GetElapsedTime(0);
        return new(userData, ClockTag, WasiErrno.Success,
            wanted < TimeSpan.Zero ? TimeSpan.Zero : wanted > MaxWait ? MaxWait : wanted);
    }

    private static void Write(GuestSession session, uint address, Subscription subscription)
    {
        var area = GuestText.Window(session.Memory, address, EventBytes, 8);
        area.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(area, subscription.UserData);
        BinaryPrimitives.WriteUInt16LittleEndian(area[8..], (ushort)subscription.Error);
        area[10] = subscription.Tag;
    }
}
