using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// The rows of four engines, read across: a vector for each field, with a lane for each engine. Two fields that lie
/// side by side are read at once, which takes half the instructions of putting eight numbers together. Pure.
/// </summary>
internal readonly ref struct EngineLanes
{
    /// <summary>Engines that are read at once.</summary>
    public const int Count = 4;

    // Where the bytes after EngineRow.Prefilling are in the eight that begin with it.
    private const int RolesShift = 32;
    private const long OpenFlag = 1L << 40;

    private readonly ref readonly EngineRow _0;
    private readonly ref readonly EngineRow _1;
    private readonly ref readonly EngineRow _2;
    private readonly ref readonly EngineRow _3;
    private readonly Vector256<long> _flags;

    /// <param name="rows">Four rows.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EngineLanes(ReadOnlySpan<EngineRow> rows)
    {
        _0 = ref rows[0];
        _1 = ref rows[1];
        _2 = ref rows[2];
        _3 = ref rows[3];
        _flags = Vector256.Create(Flags(_0), Flags(_1), Flags(_2), Flags(_3));
    }

    /// <summary>All bits of the lanes of engines that take new work.</summary>
    public Vector256<double> Open
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Has(OpenFlag);
    }

    /// <summary>All bits of the lanes of engines that have prompts to read.</summary>
    public Vector256<double> Reading
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256.GreaterThan(_flags & Vector256.Create((long)int.MaxValue), Vector256<long>.Zero).AsDouble();
    }

    /// <summary>All bits of the lanes of engines that have all these roles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<double> In(EngineRoles roles) => Has((long)roles << RolesShift);

    /// <summary>When they are done with reading, and until when their reports count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<double> BusyUntil, Vector256<double> FreshUntil) Times() =>
        Across(in _0.BusyUntil, in _1.BusyUntil, in _2.BusyUntil, in _3.BusyUntil);

    /// <summary>Seconds of a token, and what each running sequence adds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<double> Alone, Vector256<double> PerRunning) TokenSeconds() =>
        Across(in _0.TokenSeconds, in _1.TokenSeconds, in _2.TokenSeconds, in _3.TokenSeconds);

    /// <summary>Seconds of a prefill of any length, and the share of cache hits that come true.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<double> OverheadSeconds, Vector256<double> CacheTrust) Prefill() =>
        Across(in _0.OverheadSeconds, in _1.OverheadSeconds, in _2.OverheadSeconds, in _3.OverheadSeconds);

    /// <summary>Seconds of an output token, and what each running sequence adds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<double> Alone, Vector256<double> PerRunning) DecodeSeconds() =>
        Across(in _0.DecodeSeconds, in _1.DecodeSeconds, in _2.DecodeSeconds, in _3.DecodeSeconds);

    /// <summary>How much answers stand still while prompts are read, and work that this router did not send.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<double> PrefillStall, Vector256<double> ForeignSeconds) Others() =>
        Across(in _0.PrefillStall, in _1.PrefillStall, in _2.PrefillStall, in _3.PrefillStall);

    /// <summary>
    /// Sequences that run, and all bits of the lanes of engines with no room for one that needs so much.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<double> Running, Vector256<double> Full) Load(long needKv)
    {
        var (free, sequences) = Across(
            in Unsafe.As<long, double>(ref Unsafe.AsRef(in _0.KvFreeTokens)),
            in Unsafe.As<long, double>(ref Unsafe.AsRef(in _1.KvFreeTokens)),
            in Unsafe.As<long, double>(ref Unsafe.AsRef(in _2.KvFreeTokens)),
            in Unsafe.As<long, double>(ref Unsafe.AsRef(in _3.KvFreeTokens)));
        var running = sequences.AsInt64() & Vector256.Create((long)uint.MaxValue);
        var most = sequences.AsUInt64() >>> 32;
        var full = Vector256.GreaterThanOrEqual(running, most.AsInt64())
            | Vector256.LessThan(free.AsInt64(), Vector256.Create(needKv));
        return (Vector256.ConvertToDouble(running), full.AsDouble());
    }

    private static long Flags(in EngineRow row) => Unsafe.As<int, long>(ref Unsafe.AsRef(in row.Prefilling));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<double> Has(long all) =>
        Vector256.Equals(_flags & Vector256.Create(all), Vector256.Create(all)).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<double> First, Vector256<double> Second) Across(
        in double r0, in double r1, in double r2, in double r3)
    {
        var even = Vector256.Create(Vector128.LoadUnsafe(in r0), Vector128.LoadUnsafe(in r2));
        var odd = Vector256.Create(Vector128.LoadUnsafe(in r1), Vector128.LoadUnsafe(in r3));
        return Avx.IsSupported
            ? (Avx.UnpackLow(even, odd), Avx.UnpackHigh(even, odd))
            : (Vector256.Create(even[0], odd[0], even[2], odd[2]), Vector256.Create(even[1], odd[1], even[3], odd[3]));
    }
}
