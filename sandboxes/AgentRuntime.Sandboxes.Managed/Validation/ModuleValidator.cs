using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Validation;

/// <summary>Validates a decoded module (WebAssembly 2.0 §3.4) and gathers the facts of its functions.</summary>
internal static class ModuleValidator
{
    private const uint MaxPages = 65_536;

    public static FunctionFacts[] Validate(ModuleModel module, CompileLimits limits, Action checkTime)
    {
        foreach (var table in module.Tables)
            CheckLimits(table.Limits, uint.MaxValue, "size minimum must not be greater than maximum");
        if (module.Memories.Count > 1) throw Invalid("multiple memories");
        foreach (var memory in module.Memories)
            CheckLimits(memory, MaxPages, "memory size must be at most 65536 pages (4GiB)");
        for (var i = 0; i < module.GlobalValues.Count; i++)
        {
            var type = module.Globals[module.ImportedGlobals + i];
            CheckConstant(module, module.GlobalValues[i], type.Value);
        }

        CheckExports(module);
        CheckStart(module);
        CheckSegments(module);
        var declared = Declared(module);
        var facts = new FunctionFacts[module.Bodies.Length];
        var validator = new FunctionValidator(module, limits, declared, checkTime);
        for (var i = 0; i < facts.Length; i++) facts[i] = validator.Validate(i);

        return facts;
    }

    private static WasmModuleException Invalid(string message, int offset = -1) =>
        new(ModuleFault.Invalid, message, offset);

    private static void CheckLimits(SizeLimits limits, uint ceiling, string message)
    {
        if (limits.Min > ceiling || limits.Max > ceiling || limits.Max < limits.Min)
            throw Invalid(limits.Max < limits.Min ? "size minimum must not be greater than maximum" : message);
    }

    private static void CheckConstant(ModuleModel module, ConstantExpression e, WasmValueType expected)
    {
        var type = e.Type;
        if (e.Op == Opcodes.GlobalGet)
        {
            if (e.Bits >= (ulong)module.ImportedGlobals) throw Invalid("unknown global", e.Offset);
            var global = module.Globals[(int)e.Bits];
            if (global.Mutable) throw Invalid("constant expression required", e.Offset);
            type = global.Value;
        }
        else if (e.Op == Opcodes.RefFunc && e.Bits >= (ulong)module.Functions.Count)
        {
            throw Invalid("unknown function", e.Offset);
        }

        if (type != expected) throw Invalid("type mismatch", e.Offset);
    }

    private static void CheckItems(ModuleModel module, ElementSegment segment)
    {
        foreach (var item in segment.Items)
        {
            var type = item.Kind switch
            {
                ElementKind.Global when item.Index >= module.ImportedGlobals =>
                    throw Invalid("unknown global", segment.Offset),
                ElementKind.Global when module.Globals[item.Index].Mutable =>
                    throw Invalid("constant expression required", segment.Offset),
                ElementKind.Global => module.Globals[item.Index].Value,
                ElementKind.Function when item.Index >= module.Functions.Count =>
                    throw Invalid("unknown function", segment.Offset),
                ElementKind.NullExternal => WasmValueType.ExternRef,
                _ => WasmValueType.FuncRef,
            };
            if (type != segment.Type) throw Invalid("type mismatch", segment.Offset);
        }
    }

    private static void CheckExports(ModuleModel module)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var export in module.Exports)
        {
            if (!names.Add(export.Name)) throw Invalid("duplicate export name");
            var count = export.Kind switch
            {
                ExternKind.Function => module.Functions.Count,
                ExternKind.Table => module.Tables.Count,
                ExternKind.Memory => module.Memories.Count,
                _ => module.Globals.Count,
            };
            if (export.Index >= count) throw Invalid($"unknown {export.Kind.ToString().ToLowerInvariant()}");
        }
    }

    private static void CheckStart(ModuleModel module)
    {
        if (module.StartOffset < 0) return;
        if ((uint)module.Start >= (uint)module.Functions.Count) throw Invalid("unknown function", module.StartOffset);
        var type = module.Functions[module.Start];
        if (type.Parameters.Length + type.Results.Length != 0) throw Invalid("start function", module.StartOffset);
    }

    private static void CheckSegments(ModuleModel module)
    {
        foreach (var segment in module.Elements)
        {
            if (segment.Mode == SegmentMode.Active)
            {
                if (segment.Table >= module.Tables.Count) throw Invalid("unknown table");
                if (module.Tables[segment.Table].Element != segment.Type) throw Invalid("type mismatch");
                CheckConstant(module, segment.Start, WasmValueType.I32);
            }

            CheckItems(module, segment);
        }

        foreach (var segment in module.Data)
        {
            if (segment.Mode != SegmentMode.Active) continue;
            if (segment.Memory >= module.Memories.Count) throw Invalid("unknown memory");
            CheckConstant(module, segment.Start, WasmValueType.I32);
        }
    }

    /// <summary>Functions that <c>ref.func</c> may name: those that occur outside of function bodies.</summary>
    private static HashSet<int> Declared(ModuleModel module)
    {
        var declared = new HashSet<int>();
        foreach (var export in module.Exports)
            if (export.Kind == ExternKind.Function) declared.Add(export.Index);
        foreach (var value in module.GlobalValues)
            if (value.Op == Opcodes.RefFunc) declared.Add((int)value.Bits);
        declared.UnionWith(module.ElementFunctions());
        return declared;
    }
}
