using System.Diagnostics;
using System.Runtime.Intrinsics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Sandboxes.Managed.Instances;

/// <content>Linking and instantiation (WebAssembly 2.0 §4.5.4).</content>
internal sealed partial class ManagedInstance
{
    /// <summary>
    /// Binds imports (one <see cref="HostFunction"/>, <see cref="FunctionReference"/>, <see cref="WasmTable"/>,
    /// <see cref="LinearMemory"/> or <see cref="WasmGlobal"/> each), applies segments and runs the start function.
    /// </summary>
    internal void Link(ReadOnlySpan<object> imports, ValueBuffer buffer, InstanceLimits limits)
    {
        Bind(imports, buffer, limits);
        var model = _module.Model;
        ApplyElements();
        ApplyData();
        if (model.StartOffset >= 0 && Run(_code.Entry(model.Start), [], []) != WasmCallStatus.Completed)
            throw new InvalidOperationException("a start function cannot suspend");
    }

    /// <summary>Imports bound, own memory, tables and globals made; no segment applied and nothing run.</summary>
    internal void Bind(ReadOnlySpan<object> imports, ValueBuffer buffer, InstanceLimits limits)
    {
        var model = _module.Model;
        if (imports.Length != model.Imports.Count)
            throw new WasmLinkException($"the module has {model.Imports.Count} imports, not {imports.Length}");
        Buffer = buffer;
        buffer.Reserve(_code.BufferSlots);
        _depth = limits.MaxCallDepth;
        _tableBudget = limits.MaxTableElements;
        Fuel = limits.Fuel ?? long.MaxValue;
        CpuLimit = (long)(limits.MaxCpuTime.TotalSeconds * Stopwatch.Frequency);
        Links = model.ImportedFunctions == 0 ? [] : new FunctionReference?[model.ImportedFunctions];
        _hosts = model.ImportedFunctions == 0 ? [] : new HostFunction?[model.ImportedFunctions];
        Tables = model.Tables.Count == 0 ? [] : new WasmTable[model.Tables.Count];
        Globals = model.Globals.Count == 0 ? [] : new WasmGlobal[model.Globals.Count];
        _elementsDropped = model.Elements.Length == 0 ? [] : new bool[model.Elements.Length];
        for (var i = 0; i < _elementsDropped.Length; i++)
            _elementsDropped[i] = model.Elements[i].Mode != SegmentMode.Passive;
        _dataDropped = model.Data.Length == 0 ? [] : new bool[model.Data.Length];
        Bind(imports);
        for (var i = model.ImportedMemories; i < model.Memories.Count; i++)
            Memory0 = new LinearMemory(model.Memories[i], limits.MaxMemoryBytes);
        for (var i = model.ImportedTables; i < Tables.Length; i++)
        {
            Tables[i] = new WasmTable(model.Tables[i], _tableBudget);
            _tableBudget -= Tables[i].Length;
        }

        for (var i = model.ImportedGlobals; i < Globals.Length; i++)
        {
            Globals[i] = new WasmGlobal(model.Globals[i]);
            Initialize(Globals[i], model.GlobalValues[i - model.ImportedGlobals]);
        }
    }

    private void Bind(ReadOnlySpan<object> imports)
    {
        int function = 0, table = 0, global = 0;
        for (var i = 0; i < imports.Length; i++)
        {
            var want = _module.Model.Imports[i];
            var fits = (want.Kind, imports[i]) switch
            {
                (ExternKind.Function, HostFunction f) => f.Type.Equals(want.Function),
                (ExternKind.Function, FunctionReference f) => f.Type.Equals(want.Function),
                (ExternKind.Table, WasmTable t) => t.Type.Element == want.Table.Element
                    && Fits((uint)t.Length, t.Type.Limits.Max, want.Table.Limits),
                (ExternKind.Memory, LinearMemory m) => Fits((uint)m.Pages, m.Type.Max, want.Memory),
                (ExternKind.Global, WasmGlobal g) => g.Type == want.Global,
                _ => throw new WasmLinkException($"unknown import: {want.Module}.{want.Name} is no {want.Kind}"),
            };
            if (!fits) throw new WasmLinkException($"incompatible import type: {want.Module}.{want.Name}");
            switch (imports[i])
            {
                case HostFunction f: _hosts[function++] = f; break;
                case FunctionReference f: Links[function++] = f; break;
                case WasmTable t: Tables[table++] = t; break;
                case LinearMemory m: Memory0 = m; break;
                case WasmGlobal g: Globals[global++] = g; break;
            }
        }
    }

    private static bool Fits(uint size, uint? max, SizeLimits want) =>
        size >= want.Min && (want.Max is null || (max is { } m && m <= want.Max));

    private void Initialize(WasmGlobal global, ConstantExpression value)
    {
        if (value.Op == Opcodes.GlobalGet)
        {
            var source = Globals[(int)value.Bits];
            (global.Bits, global.Vector, global.Reference) = (source.Bits, source.Vector, source.Reference);
            return;
        }

        global.Bits = (long)value.Bits;
        global.Vector = Vector128.Create(value.Bits, value.High).AsByte();
        global.Reference = Evaluate(value);
    }

    private object? Evaluate(ConstantExpression value) => value.Op switch
    {
        Opcodes.RefFunc => Reference((int)value.Bits),
        Opcodes.GlobalGet => Globals[(int)value.Bits].Reference,
        _ => null,
    };

    /// <summary>Writes what element items mean in this instance. Globals among them are imports that never
    /// change.</summary>
    internal void Evaluate(ReadOnlySpan<ElementItem> items, Span<object?> target)
    {
        for (var i = 0; i < items.Length; i++)
        {
            target[i] = items[i].Kind switch
            {
                ElementKind.Function => Reference(items[i].Index),
                ElementKind.Global => Globals[items[i].Index].Reference,
                _ => null,
            };
        }
    }

    private uint Offset(ConstantExpression value) =>
        value.Op == Opcodes.GlobalGet ? (uint)Globals[(int)value.Bits].Bits : (uint)value.Bits;

    private void ApplyElements()
    {
        var segments = _module.Model.Elements;
        for (var i = 0; i < segments.Length; i++)
        {
            var segment = segments[i];
            if (segment.Mode != SegmentMode.Active) continue;
            var elements = Tables[segment.Table].Elements;
            var start = Offset(segment.Start);
            if ((ulong)start + (uint)segment.Items.Length > (ulong)elements.Length)
                Traps.TableOutOfBounds(segment.Start.Offset);
            Evaluate(segment.Items, elements[(int)start..]);
        }
    }

    private void ApplyData()
    {
        var segments = _module.Model.Data;
        for (var i = 0; i < segments.Length; i++)
        {
            var segment = segments[i];
            if (segment.Mode != SegmentMode.Active) continue;
            var start = Offset(segment.Start);
            if ((ulong)start + (uint)segment.Length > (ulong)Memory0.Length)
                Traps.MemoryOutOfBounds(segment.Start.Offset);
            _module.Model.Bytes.AsSpan(segment.Offset, segment.Length).CopyTo(Memory0.View[(int)start..]);
            _dataDropped[i] = true;
        }
    }
}
