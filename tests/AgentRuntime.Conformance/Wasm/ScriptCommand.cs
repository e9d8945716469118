using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm;

/// <summary>One command of a test script. Which members are set depends on <see cref="Type"/>.</summary>
internal sealed record ScriptCommand(string Type, int Line)
{
    public string? Name { get; init; }

    public string? RegisterAs { get; init; }

    /// <summary>Reads the module's bytes; null when it is given as text only.</summary>
    public Func<byte[]>? Module { get; init; }

    public string Text { get; init; } = "";

    public ScriptAction? Action { get; init; }

    public IReadOnlyList<ExpectedValue> Expected { get; init; } = [];
}

/// <summary>An invocation, or the reading of a global when <paramref name="Invoke"/> is false.</summary>
internal sealed record ScriptAction(bool Invoke, string? Module, string Field, WasmValue[] Arguments);

/// <summary>What one lane must be.</summary>
internal enum LanePattern : byte
{
    Exact = 1,
    CanonicalNan,
    ArithmeticNan,
}

/// <summary>An expected result: lanes of <paramref name="LaneBits"/> bits, each exact or a NaN pattern.</summary>
internal sealed record ExpectedValue(int LaneBits, (LanePattern Pattern, ulong Bits)[] Lanes)
{
    public bool Matches(WasmValue actual)
    {
        for (var i = 0; i < Lanes.Length; i++)
        {
            var shift = i * LaneBits % 64;
            var word = actual.Bits.GetElement(i * LaneBits / 64);
            var bits = LaneBits == 64 ? word : (word >> shift) & ((1UL << LaneBits) - 1);
            if (!Matches(bits, Lanes[i])) return false;
        }

        return true;
    }

    private bool Matches(ulong bits, (LanePattern Pattern, ulong Bits) lane)
    {
        if (lane.Pattern == LanePattern.Exact) return bits == lane.Bits;
        var canonical = LaneBits == 32 ? 0x7FC0_0000UL : 0x7FF8_0000_0000_0000UL;
        var magnitude = bits & (LaneBits == 32 ? 0x7FFF_FFFFUL : 0x7FFF_FFFF_FFFF_FFFFUL);
        return lane.Pattern == LanePattern.CanonicalNan ? magnitude == canonical : (magnitude & canonical) == canonical;
    }

    public override string ToString() => string.Join(' ', Lanes.Select(l =>
        l.Pattern == LanePattern.Exact
            ? l.Bits.ToString("x", System.Globalization.CultureInfo.InvariantCulture) : l.Pattern.ToString()));
}
