using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Which indirect calls have a delegate type of their own, which the runtime keeps for good.</summary>
public sealed class DelegateTypeTests
{
    private const WasmValueType F32 = WasmValueType.F32, F64 = WasmValueType.F64;

    private static readonly WasmValueType[] Numbers = [I32, I64, F32, F64];

    [Fact]
    public void No_number_of_signatures_takes_the_delegate_types_of_others()
    {
        // 16,384 of seven parameters, as a hostile guest would declare them.
        for (var i = 0; i < 1 << 14; i++)
        {
            var parameters = Enumerable.Range(0, 7).Select(at => Numbers[(i >> (2 * at)) & 3]);
            DelegateTypes.Of(new FunctionType([.. parameters], [F32]));
        }

        Assert.False(DelegateTypes.IsWide(new FunctionType([F64, F32, I64, F32, F64], [I64])));
        Assert.False(DelegateTypes.IsWide(new FunctionType([I32, I32, I32, I32, I32, I32, I32, F64, I32], [F32])));
        Assert.False(DelegateTypes.IsWide(new FunctionType([.. Enumerable.Repeat(I32, 14)], [])));
        Assert.False(DelegateTypes.IsWide(new FunctionType([], [])));
    }

    [Fact]
    public void Calls_without_a_delegate_type_pass_every_value()
    {
        // f(a: f64, b: i64, c: f32, d: i64, e: f64, g: i64) -> (b + d + g, a + e)
        var m = new ModuleBuilder().Table(1);
        var unusual = new FunctionType([F64, I64, F32, I64, F64, I64], [I64, F64]);
        Assert.True(DelegateTypes.IsWide(unusual));
        var type = m.Type([F64, I64, F32, I64, F64, I64], [I64, F64]);
        m.Elements(0, m.Function(type, new Code()
            .Get(1).Get(3).Op(0x7C).Get(5).Op(0x7C).Get(0).Get(4).Op(0xA0).End()));
        // The f64 as an integer, added to the i64.
        m.Function(m.Type([], [I32]), new Code()
            .F64(0.5).I64(1).F32(9).I64(20).F64(1.5).I64(300).I32(0).With(0x11, (uint)type, 0)
            .Op(0xB0).Op(0x7C).Op(0xA7).End(), "run");
        using var instance = Compile(m).Instantiate([], Limits);

        Assert.Equal(323, instance.Call("run"));
    }
}
