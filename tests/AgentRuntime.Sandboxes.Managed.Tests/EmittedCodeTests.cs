using System.Reflection;
using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Runtime;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using ModuleBuilder = AgentRuntime.Sandboxes.Managed.Tests.Building.ModuleBuilder;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Reads the IL of compiled modules and holds it to decision record 0100.</summary>
public sealed class EmittedCodeTests
{
    private static readonly Dictionary<int,
        OpCode> OpCodesByValue = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => o.Value & 0xFFFF);

    /// <summary>Everything that emitted code may consist of.</summary>
    private static readonly HashSet<string> Allowed =
    [
        "ldarg.0", "ldarg.1", "ldarg.2", "ldarg.3", "ldarg.s", "ldarg", "starg.s", "starg", "ldloc.0", "ldloc.1",
            "ldloc.2",
        "ldloc.3", "ldloc.s", "ldloc", "stloc.0", "stloc.1", "stloc.2", "stloc.3", "stloc.s", "stloc", "ldc.i4.m1",
            "ldc.i4.0",
        "ldc.i4.1", "ldc.i4.2", "ldc.i4.3", "ldc.i4.4", "ldc.i4.8", "ldc.i4.s", "ldc.i4", "ldc.i8", "ldc.r4", "ldc.r8",
        "ldnull", "dup", "pop", "ret", "throw", "br", "brtrue", "brfalse", "switch", "call", "callvirt", "castclass",
        "add", "sub", "mul", "div", "and", "or", "xor", "shl", "shr", "shr.un", "ceq", "clt", "clt.un", "cgt", "cgt.un",
        "conv.i1", "conv.i2", "conv.i4", "conv.i8", "conv.u8", "conv.r4", "conv.r8",
    ];

    /// <summary>The accessors; nothing else of the engine may be called.</summary>
    private static readonly HashSet<Type> Accessors =
    [
        typeof(MemoryAccess), typeof(VectorMemory), typeof(TableAccess), typeof(GlobalAccess), typeof(ValueTransfer),
        typeof(EntryTransfer), typeof(HostTransfer), typeof(Numeric), typeof(Conversions), typeof(VectorOps),
            typeof(Frames),
        typeof(Traps), typeof(Suspension), typeof(Math), typeof(MathF), typeof(BitConverter),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Emitted_code_uses_no_pointers_and_calls_nothing_but_accessors(bool suspendable)
    {
        var seen = new HashSet<string>();
        for (var seed = 0; seed < 60; seed++)
        {
            var module = Compile(ProgramGenerator.Generate(seed, asks: true), suspendable);
            foreach (var method in module.Methods) Inspect(method, seen);
        }

        // That the reading works shows in what it found.
        Assert.Contains("call MemoryAccess.Load64", seen);
        Assert.Contains("castclass", seen);
        Assert.Equal(suspendable, seen.Contains("call Suspension.PushI64"));
    }

    [Fact]
    public void Only_functions_that_can_reach_a_blocking_import_pay_for_suspension()
    {
        var m = new ModuleBuilder();
        var type = m.Type([], []);
        m.ImportFunction("host", "ask", type);
        m.Function(type, new Code().Call(0).End(), "asks");
        m.Function(type, new Code().Call(1).End(), "reaches");
        m.Function(type, new Code().End(), "pure");
        m.Function(type, new Code().Call(3).End(), "apart");
        var code = TestEngine.CompileManaged(m).Code(new CodeVariant([0], metered: false));
        string[] paying = [.. code.Methods.Where(method =>
        {
            var seen = new HashSet<string>();
            Inspect(method, seen);
            return seen.Contains("call Suspension.IsUnwinding");
        }).Select(method => method.Name).Order(StringComparer.Ordinal)];
        Assert.Equal(["f1", "f2"], paying);
    }

    private static CompiledCode Compile(byte[] wasm, bool suspendable) =>
        TestEngine.CompileManaged(wasm).Code(new CodeVariant(suspendable ? [0] : [], metered: suspendable));

    private static void Inspect(MethodInfo method, HashSet<string> seen)
    {
        var il = method.GetMethodBody()!.GetILAsByteArray()!;
        for (var at = 0; at < il.Length;)
        {
            int value = il[at++];
            if (value == 0xFE) value = 0xFE00 | il[at++];
            var op = OpCodesByValue[value];
            Assert.Contains(op.Name!, Allowed);
            seen.Add(op.Name!);
            if (op.OperandType == OperandType.InlineMethod)
            {
                var callee = method.Module.ResolveMethod(BitConverter.ToInt32(il, at))!;
                var holder = callee.DeclaringType!;
                var delegated = op == OpCodes.Callvirt && typeof(Delegate).IsAssignableFrom(holder)
                    && callee.Name == "Invoke";
                Assert.True(delegated || holder == method.DeclaringType || Accessors.Contains(holder),
                    $"{holder}.{callee.Name}");
                seen.Add($"call {holder.Name}.{callee.Name}");
            }

            at += op.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineVar or OperandType.ShortInlineI or OperandType.ShortInlineBrTarget => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }

        foreach (var local in method.GetMethodBody()!.LocalVariables)
        {
            Assert.False(local.LocalType.IsPointer || local.LocalType.IsByRef || local.IsPinned,
                $"a local of {local.LocalType}");
            Assert.NotEqual(typeof(ManagedInstance), local.LocalType);
        }
    }
}
