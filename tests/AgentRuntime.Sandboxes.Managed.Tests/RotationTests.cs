using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>
/// .NET 10.0 compiles rotations wrongly where they are compared or constant (<see cref="Runtime.Numeric.Rotl32"/>).
/// Every way from a value through a rotation, and through what the JIT folds away, into something that compares.
/// </summary>
public sealed class RotationTests
{
    private const int ZeroLocal = 1;
    private const int ValueLocal = 2;
    private const int ResultLocal = 3;

    private static readonly int[] Values = [0, 1, -1, 5, 0x40000000, int.MinValue, 0x12345678, 0x00800000];
    private static readonly int[] Counts = [0, 1, 8, 25, 31, 33, -3];

    /// <summary>How the value gets there: a parameter, a literal, a local that the JIT knows.</summary>
    private static readonly Func<int, Code, Code>[] Sources =
    [
        (_, c) => c.Get(0),
        (v, c) => c.I32(v),
        (v, c) => c.I32(v).Set(ValueLocal).Get(ValueLocal),
        (v, c) => c.Get(0).Get(0).Op(0x73).I32(v).Op(0x72),
    ];

    /// <summary>What leaves a value as it is, though not at first sight.</summary>
    private static readonly Func<Code, Code>[] Nothings =
    [
        c => c,
        c => c.I32(0).Op(0x73),
        c => c.Get(ZeroLocal).Op(0x6A),
        c => c.Get(ZeroLocal).Op(0x72),
        c => c.Get(ZeroLocal).Op(0x74),
        c => c.I32(-1).Op(0x71),
        c => c.Set(ResultLocal).Get(ResultLocal),
        c => c.Tee(ResultLocal).Get(ZeroLocal).Op(0x6B),
        c => c.Op(0xAD).Op(0xA7),
    ];

    /// <summary>What compares, and what comes out of it for a rotated value.</summary>
    private static readonly (Func<Code, Code> Emit, Func<int, int> Expected)[] Comparisons =
    [
        (c => c.Op(0x45), v => v == 0 ? 1 : 0),
        (c => c.Get(ZeroLocal).Op(0x47), v => v != 0 ? 1 : 0),
        (c => c.I32(0).Op(0x48), v => v < 0 ? 1 : 0),
        (c => c.I32(1).Op(0x49), v => v == 0 ? 1 : 0),
        (c => c.I32(-1).Op(0x4A), v => v >= 0 ? 1 : 0),
        (c => c.I32(7).Op(0x46), v => v == 7 ? 1 : 0),
        (c => c.I32(0x4000).Op(0x4D), v => (uint)v <= 0x4000 ? 1 : 0),
        (c => c.If(I32).I32(3).Else().I32(4).End(), v => v != 0 ? 3 : 4),
        (c => c.Set(ResultLocal).I32(3).I32(4).Get(ResultLocal).Op(0x1B), v => v != 0 ? 3 : 4),
        (c => c.Set(ResultLocal).Block().Get(ResultLocal).BrIf(0).I32(9).Op(0x0F).End().I32(8), v => v != 0 ? 8 : 9),
        (c => c.Set(ResultLocal).Block().Block().Get(ResultLocal).Op(0x0E, 1, 0, 1).End().I32(9).Op(0x0F).End().I32(8),
            v => v == 0 ? 9 : 8),
        (c => c.I32(7).Op(0x6D), v => v / 7),
        (c => c.I32(7).Op(0x70), v => (int)((uint)v % 7)),
        (c => c.Op(0xB8).Op(0xAA), v => unchecked((int)Math.Min((uint)v, int.MaxValue))),
    ];

    public static TheoryData<bool, int> Cases()
    {
        var cases = new TheoryData<bool, int>();
        foreach (var left in new[] { true, false })
            for (var source = 0; source < Sources.Length; source++) cases.Add(left, source);
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_rotated_value_compares_like_any_other(bool left, int source)
    {
        var m = new ModuleBuilder();
        var type = m.Type([I32], [I32]);
        var expected = new List<(string Name, int Value, int Count, Func<int, int> Of)>();
        foreach (var value in Values)
        foreach (var count in Counts)
        for (var nothing = 0; nothing < Nothings.Length; nothing++)
        for (var comparison = (value + count + nothing) & 1; comparison < Comparisons.Length; comparison += 2)
        {
            // 0xB8, 0xAA: a conversion to double and back traps beyond int; those are left out.
            var rotated = Rotated(left, value, count);
            if (comparison == Comparisons.Length - 1 && rotated < 0) continue;
            var name = $"{value} {count} {nothing} {comparison}";
            var code = Sources[source](value, new Code().Locals(3, I32)).I32(count).Op(left ? (byte)0x77 : (byte)0x78);
            m.Function(type, Comparisons[comparison].Emit(Nothings[nothing](code)).End(), name);
            expected.Add((name, value, count, Comparisons[comparison].Expected));
        }

        using var instance = Instantiate(m);
        foreach (var (name, value, count, of) in expected)
            Assert.True(of(Rotated(left, value, count)) == instance.Call(name, value), name);
    }

    [Fact]
    public void A_rotation_that_a_caller_compares_is_no_exception()
    {
        var m = new ModuleBuilder();
        var type = m.Type([I32], [I32]);
        var wide = m.Type([WasmValueType.I64], [I32]);
        var rotates = m.Function(type, new Code().Get(0).I32(24).Op(0x77).End());
        var compares = m.Function(type, new Code().Get(0).Op(0x45).End());
        m.Function(type, new Code().Get(0).Call(rotates).If(I32).I32(3).Else().I32(4).End().End(), "outside");
        m.Function(type, new Code().Get(0).I32(24).Op(0x77).Call(compares).End(), "inside");
        m.Function(wide, new Code().Get(0).I64(24).Op(0x8A).Op(0x50).End(), "wide");
        using var instance = Instantiate(m);
        foreach (var value in Values)
        {
            Assert.Equal(value != 0 ? 3 : 4, instance.Call("outside", value));
            Assert.Equal(value == 0 ? 1 : 0, instance.Call("inside", value));
            var results = new WasmValue[1];
            instance.Call("wide", [WasmValue.FromI64(value)], results);
            Assert.Equal(value == 0 ? 1 : 0, results[0].AsI32());
        }
    }

    private static int Rotated(bool left, int value, int count) =>
        (int)(left ? uint.RotateLeft((uint)value, count & 31) : uint.RotateRight((uint)value, count & 31));
}
