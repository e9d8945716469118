using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Emission;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Runtime;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using AgentRuntime.Sandboxes.Managed.Validation;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;
using ModuleBuilder = AgentRuntime.Sandboxes.Managed.Tests.Building.ModuleBuilder;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Functions that the JIT makes no machine code of.</summary>
public sealed class WarmUpTests
{
    /// <summary>What a module with the export <c>run</c> would become if its entry point were no program.</summary>
    private static MethodInfo[] Impossible()
    {
        var assembly = AssemblyBuilder.DefineDynamicAssembly(
            new AssemblyName("wasm"), AssemblyBuilderAccess.RunAndCollect);
        assembly.SetCustomAttribute(new CustomAttributeBuilder(
            typeof(IgnoresAccessChecksToAttribute).GetConstructor([typeof(string)])!,
            [typeof(ModuleEmitter).Assembly.GetName().Name!]));
        var type = assembly.DefineDynamicModule("wasm").DefineType(
            "Guest", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        foreach (var name in (string[])["e0", "t0"])
        {
            var il = type.DefineMethod(
                name, MethodAttributes.Public | MethodAttributes.Static, typeof(void), StubEmitter.EntryParameters)
                .GetILGenerator();
            il.Emit(OpCodes.Pop);
            il.Emit(OpCodes.Ret);
        }

        return type.CreateType().GetMethods(
            BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly);
    }

    [Fact]
    public void They_do_not_fail_the_compilation() =>
        WarmUp.Begin(Impossible(), now: TimeSpan.FromMinutes(1), later: TimeSpan.Zero);

    [Fact]
    public void Who_calls_one_is_told_what_is_wrong_with_the_module()
    {
        var m = new ModuleBuilder();
        m.Function(m.Type([], []), new Code().End(), "run");
        var model = ModuleDecoder.Decode(m.Build(), new CompileLimits(), () => { });
        var facts = ModuleValidator.Validate(model, new CompileLimits(), () => { });
        using var instance = new ManagedInstance(
            new ManagedModule(model, facts, new CompileLimits()), new CompiledCode(model, Impossible(), [0], [0], 0));
        instance.Link([], new ValueBuffer(), Limits);

        var refused = Assert.Throws<WasmModuleException>(() => instance.Call("run"));

        Assert.Equal(ModuleFault.TooLarge, refused.Fault);
        Assert.IsType<InvalidProgramException>(refused.InnerException);
    }
}
