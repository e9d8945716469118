using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <content>Code, element, data and custom sections.</content>
internal sealed partial class ModuleDecoder
{
    private void CodeSection(ByteReader r)
    {
        var count = r.Count("code");
        if (count != _declaredFunctions)
            throw r.Malformed("function and code section have inconsistent lengths");
        _module.Bodies = new FunctionBody[count];
        for (var i = 0; i < count; i++)
        {
            if (i % ItemsPerLook == 0) _checkTime();
            var length = r.U32();
            if (length > (uint)r.Remaining) throw r.Malformed("length out of bounds");
            if (length > (uint)_limits.MaxFunctionBytes)
                throw TooLarge($"a function exceeds {_limits.MaxFunctionBytes} bytes", r.Position);
            _module.Bodies[i] = Body(r.Window((int)length), _module.Functions[_module.ImportedFunctions + i]);
        }
    }

    private FunctionBody Body(ByteReader r, FunctionType type)
    {
        var groups = r.Count("locals");
        var runs = new (uint Count, WasmValueType Type)[groups];
        ulong total = 0;
        for (var i = 0; i < groups; i++)
        {
            runs[i] = (r.U32(), ValueType(r));
            total += runs[i].Count;
            if (total > uint.MaxValue) throw r.Malformed("too many locals");
        }

        if (total + (ulong)type.Parameters.Length > (ulong)_limits.MaxLocals)
            throw TooLarge($"a function has more than {_limits.MaxLocals} locals", r.Position);
        if ((_locals += (long)total) > _limits.MaxModuleLocals)
            throw TooLarge($"the functions have more than {_limits.MaxModuleLocals} locals together", r.Position);
        var locals = new WasmValueType[total];
        var at = 0;
        foreach (var (count, local) in runs)
        {
            locals.AsSpan(at, (int)count).Fill(local);
            at += (int)count;
        }

        return new FunctionBody(locals, r.Position, r.End);
    }

    private void ElementSection(ByteReader r)
    {
        var segments = new List<ElementSegment>();
        Repeat(r, "element segments", DecodeLimits.Segments, () => segments.Add(Element(r)));
        _module.Elements = [.. segments];
    }

    private ElementSegment Element(ByteReader r)
    {
        // Bit 0: passive or declarative; bit 1: an explicit table, or declarative; bit 2: expressions (§5.5.12).
        var flags = r.U32();
        if (flags > 7) throw r.Malformed("malformed elements segment kind");
        var mode = (flags & 1) == 0 ? SegmentMode.Active : (flags & 2) == 0
            ? SegmentMode.Passive : SegmentMode.Declarative;
        var table = mode == SegmentMode.Active && (flags & 2) != 0 ? (int)Math.Min(r.U32(), int.MaxValue) : 0;
        var start = mode == SegmentMode.Active ? Constant(r) : default;
        var expressions = (flags & 4) != 0;
        var type = WasmValueType.FuncRef;
        if ((flags & 3) != 0)
        {
            if (expressions) type = ReferenceType(r);
            else if (r.Byte() != 0) throw r.Malformed("malformed element kind");
        }

        var items = new ElementItem[r.Count("elements")];
        var offset = r.Position;
        for (var i = 0; i < items.Length; i++)
        {
            if (i % ItemsPerLook == 0) _checkTime();
            items[i] = expressions ? ElementItem.Of(Constant(r)) : ElementItem.Function(r.U32(), r.Position);
        }

        return new ElementSegment(mode, table, start, type, items, offset);
    }

    private void DataSection(ByteReader r)
    {
        var segments = new List<DataSegment>();
        Repeat(r, "data segments", DecodeLimits.Segments, () =>
        {
            var flags = r.U32();
            if (flags > 2) throw r.Malformed("malformed data segment kind");
            var memory = flags == 2 ? (int)Math.Min(r.U32(), int.MaxValue) : 0;
            var start = flags != 1 ? Constant(r) : default;
            var length = r.U32();
            if (length > (uint)r.Remaining) throw r.Malformed("length out of bounds: data");
            segments.Add(new DataSegment(
                flags == 1 ? SegmentMode.Passive : SegmentMode.Active, memory, start, r.Position, (int)length));
            r.Take((int)length);
        });
        _module.Data = [.. segments];
    }

    private static ConstantExpression Constant(ByteReader r)
    {
        var reader = new InstructionReader(r, hasDataCount: true);
        ConstantExpression? found = null;
        while (true)
        {
            var i = reader.Next();
            if (i.Op == Opcodes.End) break;
            WasmValueType type = i.Op switch
            {
                Opcodes.I32Const => WasmValueType.I32,
                Opcodes.I64Const => WasmValueType.I64,
                Opcodes.F32Const => WasmValueType.F32,
                Opcodes.F64Const => WasmValueType.F64,
                Opcodes.V128Const => WasmValueType.V128,
                Opcodes.RefNull => (WasmValueType)i.A,
                Opcodes.RefFunc => WasmValueType.FuncRef,
                Opcodes.GlobalGet => 0,
                _ => throw new WasmModuleException(ModuleFault.Invalid, "constant expression required", i.Offset),
            };
            if (found is not null) throw new WasmModuleException(ModuleFault.Invalid, "type mismatch", i.Offset);
            var bits = i.Op is Opcodes.RefFunc or Opcodes.GlobalGet ? i.A : (ulong)i.Value;
            found = new ConstantExpression(i.Op, bits, i.High, type, i.Offset);
        }

        return found ?? throw new WasmModuleException(ModuleFault.Invalid, "type mismatch", r.Position);
    }

    private void Custom(ByteReader r)
    {
        var name = r.Name();
        if (name != "name") return;
        try
        {
            Names(r);
        }
        catch (WasmModuleException)
        {
            // Faults in custom sections make no module malformed (§7.4); the names read so far stand.
            return;
        }
    }

    private void Names(ByteReader r)
    {
        while (r.Remaining > 0)
        {
            var id = r.Byte();
            var section = r.Window((int)r.U32());
            if (id != 1) continue;
            for (var left = section.Count("names"); left > 0; left--)
            {
                var index = section.U32();
                var name = section.Name();
                if (index >= (uint)_limits.MaxFunctions) continue;
                _module.FunctionNames[(int)index] = name.Length <= 200 ? name : name[..200];
            }
        }
    }
}
