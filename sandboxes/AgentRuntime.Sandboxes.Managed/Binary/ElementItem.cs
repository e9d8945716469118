using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <summary>What an element segment holds at one place.</summary>
internal enum ElementKind : byte
{
    Function = 0,
    Global,
    NullFunction,
    NullExternal,
}

/// <summary>
/// One element of a segment, in four bytes: a module may have as many as it has bytes. An index of a function or global
/// has 30 bits, which is more than any module has of either. Immutable.
/// </summary>
internal readonly struct ElementItem
{
    private const int KindShift = 30;
    private const uint MaxIndex = (1u << KindShift) - 1;

    private readonly uint _packed;

    private ElementItem(ElementKind kind, uint index) => _packed = ((uint)kind << KindShift) | index;

    public ElementKind Kind => (ElementKind)(_packed >> KindShift);

    /// <summary>Of the function or global; 0 for null.</summary>
    public int Index => (int)(_packed & MaxIndex);

    /// <exception cref="WasmModuleException">No module has so many functions.</exception>
    public static ElementItem Function(ulong index, int offset) => index <= MaxIndex
        ? new(ElementKind.Function, (uint)index)
        : throw new WasmModuleException(ModuleFault.Invalid, "unknown function", offset);

    /// <exception cref="WasmModuleException">It yields no reference.</exception>
    public static ElementItem Of(ConstantExpression e) => e.Op switch
    {
        Opcodes.RefFunc => Function(e.Bits, e.Offset),
        Opcodes.RefNull => new(
            e.Type == WasmValueType.ExternRef ? ElementKind.NullExternal : ElementKind.NullFunction, 0),
        Opcodes.GlobalGet when e.Bits <= MaxIndex => new(ElementKind.Global, (uint)e.Bits),
        Opcodes.GlobalGet => throw new WasmModuleException(ModuleFault.Invalid, "unknown global", e.Offset),
        _ => throw new WasmModuleException(ModuleFault.Invalid, "type mismatch", e.Offset),
    };
}
