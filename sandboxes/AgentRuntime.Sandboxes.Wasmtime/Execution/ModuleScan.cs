using System.Text;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// What is read from a module's sections before the compiler gets it (WebAssembly 2.0 §5.5): sizes to hold against the
/// compile limits, the sizes that memory and tables start with, and the names of exported functions. Stops at the first
/// thing that it cannot read: the compiler refuses such a module with a better message. Immutable.
/// </summary>
internal sealed class ModuleScan
{
    private const int HeaderBytes = 8;

    /// <summary>What a function may have of <see cref="BulkScan"/>'s where nothing stops a guest between them: with
    /// 64 MiB of memory they take a second.</summary>
    private const int MaxUnwatchedBulk = 100;

    /// <summary>As on the Managed engine: each is entered into a table of all modules, in this process.</summary>
    private const int MaxTypes = 100_000;

    private readonly Dictionary<int, string> _functionNames = [];
    private long _imports;
    private ulong _locals;

    /// <summary>Pages of all memories at the start.</summary>
    public long MemoryPages { get; private set; }

    /// <summary>Elements of all tables at the start.</summary>
    public long TableElements { get; private set; }

    public int Tables { get; private set; }

    /// <summary>Whether instantiation runs a function of the guest's.</summary>
    public bool HasStart { get; private set; }

    /// <summary>The name under which a function is exported; null when it is not.</summary>
    public string? ExportedName(int function) => _functionNames.GetValueOrDefault(function);

    /// <param name="wasm">The module.</param>
    /// <param name="limits">What it may hold.</param>
    /// <param name="release">Which compiler gets it.</param>
    /// <exception cref="WasmModuleException">Beyond a limit.</exception>
    public static ModuleScan Read(ReadOnlySpan<byte> wasm, CompileLimits limits, NativeRelease release)
    {
        var scan = new ModuleScan();
        if (wasm.Length < HeaderBytes) return scan;
        var reader = new SectionReader(wasm[HeaderBytes..], HeaderBytes);
        while (!reader.AtEnd)
        {
            var id = reader.Byte();
            var section = reader.Section();
            if (reader.Broken) break;
            switch (id)
            {
                case 1: CountTypes(ref section); break;
                case 2: scan.CountImports(ref section, limits); break;
                case 3: scan.CountFunctions(ref section, limits); break;
                case 4: scan.ReadTables(ref section); break;
                case 5: scan.ReadMemories(ref section); break;
                case 7: scan.ReadExports(ref section); break;
                case 8: scan.HasStart = true; break;
                case 10: scan.ReadBodies(ref section, limits, release); break;
            }
        }

        return scan;
    }

    // A count that its section cannot hold is the compiler's to refuse.
    private static void CountTypes(ref SectionReader section)
    {
        var count = section.U32();
        if (count <= section.Length && count > MaxTypes) TooLarge($"{count} types exceed {MaxTypes}", section.Offset);
    }

    private void CountImports(ref SectionReader section, CompileLimits limits)
    {
        var count = section.U32();
        if (count > section.Length) return;
        _imports = count;
        if (count > limits.MaxFunctions) TooLarge($"{count} imports exceed {limits.MaxFunctions}", section.Offset);
    }

    private void CountFunctions(ref SectionReader section, CompileLimits limits)
    {
        var count = section.U32();
        if (count <= section.Length && count + _imports > limits.MaxFunctions)
            TooLarge($"{count} functions and {_imports} imports exceed {limits.MaxFunctions}", section.Offset);
    }

    private void ReadTables(ref SectionReader section)
    {
        for (var count = section.U32(); count > 0 && !section.Broken; count--)
        {
            section.Byte();
            TableElements += Limits(ref section);
            Tables++;
        }
    }

    private void ReadMemories(ref SectionReader section)
    {
        for (var count = section.U32(); count > 0 && !section.Broken; count--) MemoryPages += Limits(ref section);
    }

    private void ReadExports(ref SectionReader section)
    {
        for (var count = section.U32(); count > 0 && !section.Broken; count--)
        {
            var name = section.Bytes(section.U32());
            var kind = section.Byte();
            var index = section.U32();
            if (kind == 0 && !section.Broken) _functionNames.TryAdd((int)index, Encoding.UTF8.GetString(name));
        }
    }

    private void ReadBodies(ref SectionReader section, CompileLimits limits, NativeRelease release)
    {
        var count = section.U32();
        for (var function = 0U; function < count && !section.Broken; function++)
        {
            var at = section.Offset;
            var body = section.Section();
            if (body.Length > limits.MaxFunctionBytes)
                TooLarge($"a function of {body.Length} bytes exceeds {limits.MaxFunctionBytes}", at);
            ReadLocals(ref body, limits, at);
            if (release.WatchesBulk || BulkScan.Count(body) <= MaxUnwatchedBulk) continue;
            TooLarge(
                $"a function has more than {MaxUnwatchedBulk} instructions such as memory.copy and memory.fill, "
                + $"between which Wasmtime {release.Major} cannot stop it", at);
        }
    }

    private void ReadLocals(ref SectionReader body, CompileLimits limits, int at)
    {
        ulong locals = 0;
        for (var groups = body.U32(); groups > 0 && !body.Broken; groups--)
        {
            locals += body.U32();
            body.Byte();
            if (locals > (ulong)limits.MaxLocals) TooLarge($"{locals} locals exceed {limits.MaxLocals}", at);
        }

        if ((_locals += locals) > (ulong)limits.MaxModuleLocals)
            TooLarge($"the functions have more than {limits.MaxModuleLocals} locals together", at);
    }

    private static uint Limits(ref SectionReader section)
    {
        var flags = section.Byte();
        var minimum = section.U32();
        if ((flags & 1) != 0) section.U32();
        return minimum;
    }

    private static void TooLarge(string message, int offset) =>
        throw new WasmModuleException(ModuleFault.TooLarge, message, offset);
}
