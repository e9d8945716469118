namespace AgentRuntime.Sandboxes.Running;

/// <summary>
/// Counts what a guest uses. Written by the thread that runs the guest; read from any. Time in guest code is measured
/// on the wall clock between entering and leaving it, host functions and waiting excluded, as the engine's limit is.
/// </summary>
internal sealed class GuestMeter(TimeProvider time)
{
    private const long NotInGuest = long.MinValue;

    private long _ticks;
    private long _enteredAt = NotInGuest;
    private int _hostCalls;
    private long _memoryPeakBytes;

    public bool InGuest => Volatile.Read(ref _enteredAt) != NotInGuest;

    public int HostCalls => Volatile.Read(ref _hostCalls);

    public long MemoryPeakBytes => Volatile.Read(ref _memoryPeakBytes);

    /// <summary>Time in guest code so far, the stretch under way included.</summary>
    public TimeSpan CpuTime
    {
        get
        {
            var enteredAt = Volatile.Read(ref _enteredAt);
            var ticks = Volatile.Read(ref _ticks);
            var done = time.GetElapsedTime(0, ticks);
            return enteredAt == NotInGuest ? done : done + time.GetElapsedTime(enteredAt);
        }
    }

    /// <summary>Goes on from what a snapshot says was used.</summary>
    public void Restore(TimeSpan cpuTime, int hostCalls, long memoryPeakBytes)
    {
        _ticks = (long)(cpuTime.TotalSeconds * time.TimestampFrequency);
        _hostCalls = hostCalls;
        _memoryPeakBytes = memoryPeakBytes;
    }

    /// <summary>Counts host calls, or what counts as one, and returns how many there are by now.</summary>
    public int CountHostCalls(int calls)
    {
        Volatile.Write(ref _hostCalls, _hostCalls + calls);
        return _hostCalls;
    }

    public void EnterGuest() => Volatile.Write(ref _enteredAt, time.GetTimestamp());

    public void LeaveGuest()
    {
        if (!InGuest) return;
        Volatile.Write(ref _ticks, _ticks + (time.GetTimestamp() - _enteredAt));
        Volatile.Write(ref _enteredAt, NotInGuest);
    }

    public void SawMemory(long bytes)
    {
        if (bytes > _memoryPeakBytes) Volatile.Write(ref _memoryPeakBytes, bytes);
    }
}
