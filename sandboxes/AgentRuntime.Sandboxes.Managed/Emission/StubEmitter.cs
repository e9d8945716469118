using System.Reflection;
using System.Reflection.Emit;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Runtime;
using AgentRuntime.Sandboxes.Managed.Validation;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>The small methods around functions: imports, entries for the host, thunks for indirect calls.</summary>
internal static class StubEmitter
{
    /// <summary>Frames above this are looked at before they are entered.</summary>
    public const int LargeFrameBytes = 64 * 1024;

    /// <summary>The parameters of <see cref="EntryCode"/>, after the target: with one, a delegate hands its arguments
    /// on as they are.</summary>
    public static readonly Type[] EntryParameters =
        [typeof(object), typeof(ManagedInstance), typeof(ReadOnlySpan<WasmValue>), typeof(Span<WasmValue>)];

    /// <summary>One temporary for each type at one height of the operand stack.</summary>
    private const long BytesPerHeight = 48;

    /// <summary>A value that moves with others is put down by the emitter, and may be once more by the JIT.</summary>
    private const long BytesPerMovedValue = 32;

    /// <summary>
    /// A guess at a frame's bytes that is too large rather than too small: measured frames took at most two bytes for
    /// each of the body, most of them far less. What takes space without bytes of its own is counted by itself: the
    /// operand stack, and values that move by the hundred with one call or branch.
    /// </summary>
    public static int FrameEstimate(ModuleModel model, int function, FunctionFacts facts)
    {
        var body = model.Bodies[function - model.ImportedFunctions];
        var variables = (long)body.Locals.Length + model.Functions[function].Parameters.Length;
        var moved = facts.MovedValues * (facts.HasLoop ? LoopShape.MaxCopies : 1);
        return (int)Math.Min(int.MaxValue, (variables * 16) + (facts.MaxStack * BytesPerHeight)
            + (moved * BytesPerMovedValue)
            + ((body.End - body.Start) * (facts.UsesVectors ? 16L : 4L)));
    }

    /// <summary>An import: another module's code when linked to one, otherwise the host's.</summary>
    public static void Import(ModuleEmitter module, int import, ILGenerator il)
    {
        var type = module.Model.Functions[import];
        var shape = DelegateTypes.Of(type);
        var parameters = type.Parameters.Length;
        var linked = il.DeclareLocal(typeof(Delegate));
        var slot = il.DeclareLocal(typeof(int));
        var host = il.DefineLabel();
        il.LoadArgument(parameters);
        il.Constant(import);
        il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(HostTransfer), nameof(HostTransfer.Linked)));
        il.Emit(OpCodes.Stloc, linked);
        il.Emit(OpCodes.Ldloc, linked);
        il.Emit(OpCodes.Brfalse, host);
        if (DelegateTypes.IsWide(type))
        {
            for (var i = 0; i < parameters; i++)
                Buffer(il, "Set", type.Parameters[i], i, parameters, () => il.LoadArgument(i));
            il.Emit(OpCodes.Ldloc, linked);
            il.Emit(OpCodes.Castclass, shape);
        }
        else
        {
            il.Emit(OpCodes.Ldloc, linked);
            il.Emit(OpCodes.Castclass, shape);
            for (var i = 0; i < parameters; i++) il.LoadArgument(i);
        }

        il.LoadArgument(parameters + 1);
        il.Emit(OpCodes.Callvirt, shape.GetMethod("Invoke")!);
        if (DelegateTypes.IsWide(type) && type.Results.Length > 0)
        {
            il.LoadArgument(parameters);
            il.Constant(0);
            il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(ValueTransfer), "Get" + ClrTypes.Suffix(type.Results[0])));
        }

        il.Emit(OpCodes.Ret);
        il.MarkLabel(host);
        Host(il, import, type, slot);
    }

    private static void Host(ILGenerator il, int import, FunctionType type, LocalBuilder slot)
    {
        var parameters = type.Parameters.Length;
        il.LoadArgument(parameters);
        il.Constant(parameters + type.Results.Length);
        il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(HostTransfer), nameof(HostTransfer.Begin)));
        il.Emit(OpCodes.Stloc, slot);
        for (var i = 0; i < parameters; i++)
        {
            il.LoadArgument(i);
            Slot(il, "Set", type.Parameters[i], i, parameters, slot);
        }

        il.LoadArgument(parameters);
        il.Constant(import);
        il.Emit(OpCodes.Ldloc, slot);
        il.LoadArgument(parameters + 1);
        il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(HostTransfer), nameof(HostTransfer.Invoke)));
        for (var i = 1; i < type.Results.Length; i++)
        {
            var result = type.Results[i];
            var index = i;
            Buffer(il, "Set", result, i, parameters, () => Slot(il, "Get", result, index, parameters, slot));
        }

        if (type.Results.Length > 0) Slot(il, "Get", type.Results[0], 0, parameters, slot);
        il.Emit(OpCodes.Ret);
    }

    private static void Slot(ILGenerator il, string verb, WasmValueType type, int index, int instanceArgument,
        LocalBuilder slot)
    {
        il.LoadArgument(instanceArgument);
        il.Emit(OpCodes.Ldloc, slot);
        il.Constant(index);
        il.Emit(OpCodes.Add);
        il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(HostTransfer), verb + ClrTypes.Suffix(type)));
    }

    private static void Buffer(ILGenerator il, string verb, WasmValueType type, int index, int instanceArgument,
        Action value)
    {
        value();
        il.LoadArgument(instanceArgument);
        il.Constant(index);
        il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(ValueTransfer), verb + ClrTypes.Suffix(type)));
    }

    /// <summary>The host's way in: arguments and results as spans of values.</summary>
    public static void Entry(ModuleEmitter module, int function, ILGenerator il)
    {
        var type = module.Model.Functions[function];
        for (var i = 0; i < type.Parameters.Length; i++)
        {
            il.LoadArgument(2);
            il.Constant(i);
            il.Emit(OpCodes.Call, ClrTypes.Accessor(
                typeof(EntryTransfer), "Get" + ClrTypes.Suffix(type.Parameters[i])));
        }

        il.LoadArgument(1);
        il.LoadArgument(1);
        il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(EntryTransfer), nameof(EntryTransfer.Depth)));
        il.Emit(OpCodes.Call, module.Function(function));
        for (var i = 0; i < type.Results.Length; i++)
        {
            if (i > 0)
            {
                il.LoadArgument(1);
                il.Constant(i);
                il.Emit(OpCodes.Call, ClrTypes.Accessor(
                    typeof(ValueTransfer), "Get" + ClrTypes.Suffix(type.Results[i])));
            }

            il.LoadArgument(3);
            il.Constant(i);
            il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(EntryTransfer), "Set" + ClrTypes.Suffix(type.Results[i])));
        }

        il.Emit(OpCodes.Ret);
    }

    /// <summary>What a delegate runs: the instance first, as the delegate's target.</summary>
    public static void Thunk(ModuleEmitter module, int function, ILGenerator il)
    {
        var type = module.Model.Functions[function];
        var wide = DelegateTypes.IsWide(type);
        for (var i = 0; i < type.Parameters.Length; i++)
        {
            if (wide)
            {
                il.LoadArgument(0);
                il.Constant(i);
                il.Emit(OpCodes.Call, ClrTypes.Accessor(
                    typeof(ValueTransfer), "Get" + ClrTypes.Suffix(type.Parameters[i])));
            }
            else
            {
                il.LoadArgument(i + 1);
            }
        }

        il.LoadArgument(0);
        il.LoadArgument(wide ? 1 : type.Parameters.Length + 1);
        il.Emit(OpCodes.Call, module.Function(function));
        if (wide && type.Results.Length > 0)
        {
            il.LoadArgument(0);
            il.Constant(0);
            il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(ValueTransfer), "Set" + ClrTypes.Suffix(type.Results[0])));
        }

        il.Emit(OpCodes.Ret);
    }

    /// <summary>Looks whether a large frame fits, and then enters it. It is asked for twice what is guessed, because a
    /// guess is the further off the larger it is; that costs but the end of a stack.</summary>
    public static void LargeFrame(ModuleEmitter module, int function, int frameBytes, MethodInfo body, ILGenerator il)
    {
        var parameters = module.Model.Functions[function].Parameters.Length;
        il.LoadArgument(parameters);
        il.Constant((int)Math.Min(int.MaxValue, frameBytes * 2L));
        il.Constant(module.Model.Bodies[function - module.Model.ImportedFunctions].Start);
        il.Emit(OpCodes.Call, ClrTypes.Accessor(typeof(Frames), nameof(Frames.EnsureStack)));
        for (var i = 0; i < parameters + 2; i++) il.LoadArgument(i);
        il.Emit(OpCodes.Call, body);
        il.Emit(OpCodes.Ret);
    }
}
