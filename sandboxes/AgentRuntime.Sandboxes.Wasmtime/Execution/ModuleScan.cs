using System.Text;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// What is read from a module's sections before the compiler gets it (WebAssembly 2.0 §5.5): sizes to hold against the
/// compile limits, the sizes that memory and tables start with, and the names of exported functions. Stops at the first
/// thing that it cannot read: the compiler refuses such a module with a better message. Immutable.
/// </summary>
internal sealed class ModuleScan
{
    private const int HeaderBytes = 8;
    private readonly Dictionary<int, string> _functionNames = [];
    private long _imports;

    /// <summary>Pages of all memories at the start.</summary>
    public long MemoryPages { get; private set; }

    /// <summary>Elements of all tables at the start.</summary>
    public long TableElements { get; private set; }

    public int Tables { get; private set; }

    /// <summary>Whether instantiation runs a function of the guest's.</summary>
    public bool HasStart { get; private set; }

    /// <summary>The name under which a function is exported; null when it is not.</summary>
    public string? ExportedName(int function) => _functionNames.GetValueOrDefault(function);

    /// <exception cref="WasmModuleException">Beyond a limit.</exception>
    public static ModuleScan Read(ReadOnlySpan<byte> wasm, CompileLimits limits)
    {
        var scan = new ModuleScan();
        if (wasm.Length < HeaderBytes) return scan;
        var reader = new Reader(wasm[HeaderBytes..], HeaderBytes);
        while (!reader.AtEnd)
        {
            var id = reader.Byte();
            var section = reader.Section();
            if (reader.Broken) break;
            switch (id)
            {
                case 2: scan.CountImports(ref section, limits); break;
                case 3: scan.CountFunctions(ref section, limits); break;
                case 4: scan.ReadTables(ref section); break;
                case 5: scan.ReadMemories(ref section); break;
                case 7: scan.ReadExports(ref section); break;
                case 8: scan.HasStart = true; break;
                case 10: Bodies(ref section, limits); break;
            }
        }

        return scan;
    }

    // A count that its section cannot hold is the compiler's to refuse.
    private void CountImports(ref Reader section, CompileLimits limits)
    {
        var count = section.U32();
        if (count > section.Length) return;
        _imports = count;
        if (count > limits.MaxFunctions) TooLarge($"{count} imports exceed {limits.MaxFunctions}", section.Offset);
    }

    private void CountFunctions(ref Reader section, CompileLimits limits)
    {
        var count = section.U32();
        if (count <= section.Length && count + _imports > limits.MaxFunctions)
            TooLarge($"{count} functions and {_imports} imports exceed {limits.MaxFunctions}", section.Offset);
    }

    private void ReadTables(ref Reader section)
    {
        for (var count = section.U32(); count > 0 && !section.Broken; count--)
        {
            section.Byte();
            TableElements += Limits(ref section);
            Tables++;
        }
    }

    private void ReadMemories(ref Reader section)
    {
        for (var count = section.U32(); count > 0 && !section.Broken; count--) MemoryPages += Limits(ref section);
    }

    private void ReadExports(ref Reader section)
    {
        for (var count = section.U32(); count > 0 && !section.Broken; count--)
        {
            var name = section.Bytes(section.U32());
            var kind = section.Byte();
            var index = section.U32();
            if (kind == 0 && !section.Broken) _functionNames.TryAdd((int)index, Encoding.UTF8.GetString(name));
        }
    }

    private static void Bodies(ref Reader section, CompileLimits limits)
    {
        for (var count = section.U32(); count > 0 && !section.Broken; count--)
        {
            var at = section.Offset;
            var body = section.Section();
            if (body.Length > limits.MaxFunctionBytes)
                TooLarge($"a function of {body.Length} bytes exceeds {limits.MaxFunctionBytes}", at);
            ulong locals = 0;
            for (var groups = body.U32(); groups > 0 && !body.Broken; groups--)
            {
                locals += body.U32();
                body.Byte();
                if (locals > (ulong)limits.MaxLocals) TooLarge($"{locals} locals exceed {limits.MaxLocals}", at);
            }
        }
    }

    private static uint Limits(ref Reader section)
    {
        var flags = section.Byte();
        var minimum = section.U32();
        if ((flags & 1) != 0) section.U32();
        return minimum;
    }

    private static void TooLarge(string message, int offset) =>
        throw new WasmModuleException(ModuleFault.TooLarge, message, offset);

    private ref struct Reader(ReadOnlySpan<byte> bytes, int offset)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;
        private int _at;

        public bool Broken { get; private set; }

        public readonly bool AtEnd => Broken || _at >= _bytes.Length;

        public readonly int Length => _bytes.Length;

        public readonly int Offset => offset + _at;

        public byte Byte()
        {
            if (_at < _bytes.Length) return _bytes[_at++];
            Broken = true;
            return 0;
        }

        public uint U32()
        {
            uint value = 0;
            for (var shift = 0; shift < 35; shift += 7)
            {
                var part = Byte();
                value |= (uint)(part & 0x7F) << shift;
                if ((part & 0x80) == 0) return value;
            }

            Broken = true;
            return 0;
        }

        public ReadOnlySpan<byte> Bytes(uint count)
        {
            if (Broken || count > _bytes.Length - _at)
            {
                Broken = true;
                return default;
            }

            _at += (int)count;
            return _bytes.Slice(_at - (int)count, (int)count);
        }

        public Reader Section()
        {
            var size = U32();
            var start = Offset;
            var broken = Broken;
            var content = Bytes(size);
            return new Reader(content, start) { Broken = broken || Broken };
        }
    }
}
