using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Execution;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.TestKit;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Wasmtime.Tests.BinaryModule;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>What is refused before the compiler sees it. None of this needs a library.</summary>
public sealed class ModuleScanTests(ITestOutputHelper output)
{
    private const int MostBulk = 100;
    private static readonly NativeRelease Unwatched = NativeRelease.Of("36")!;
    private static readonly NativeRelease Watched = NativeRelease.Of("48")!;

    [Fact]
    public void Sizes_beyond_the_compile_limits_are_refused_before_the_compiler_sees_them()
    {
        byte[] functions = [.. Header, 3, 4, 3, 0, 0, 0];
        byte[] locals = [.. Header, 10, 10, 1, 8, 1, 0xFF, 0xFF, 0xFF, 0x0F, 0x7F, 0x0B, 0x0B];

        Assert.Equal(ModuleFault.TooLarge, Scanned(functions, new() { MaxFunctions = 2 }));
        Assert.Equal(ModuleFault.TooLarge, Scanned(locals, new()));
        Assert.Equal(ModuleFault.TooLarge, Scanned(locals, new() { MaxLocals = int.MaxValue, MaxFunctionBytes = 7 }));
        Assert.Null(Scanned(functions, new()));
    }

    [Fact]
    public void Types_are_bounded()
    {
        Assert.Null(Scanned(Types(100_000), new()));
        Assert.Equal(ModuleFault.TooLarge, Scanned(Types(100_001), new()));

        static byte[] Types(int count)
        {
            var types = Enumerable.Repeat((byte[])[0x60, 0, 0], count).SelectMany(t => t);
            return [.. Header, .. Section(1, [.. Leb(count), .. types])];
        }
    }

    [Fact]
    public void Locals_of_all_functions_together_are_bounded()
    {
        byte[] body = [1, .. Leb(49_999), 0x7E, 0x0B];

        Assert.Null(Scanned(Of(1, [.. Enumerable.Repeat(body, 100)]), new()));
        Assert.Equal(ModuleFault.TooLarge, Scanned(Of(1, [.. Enumerable.Repeat(body, 101)]), new()));
    }

    [Fact]
    public void Imports_count_as_functions()
    {
        Assert.Contains("10001 functions and 40000 imports", Refused(40_000, 10_001), StringComparison.Ordinal);
        Assert.Contains("50001 imports", Refused(50_001, 0), StringComparison.Ordinal);
        Assert.Null(Scanned(Module(40_000, 10_000), new()));

        static string Refused(int imports, int functions)
        {
            var refused = Assert.Throws<WasmModuleException>(() =>
                ModuleScan.Read(Module(imports, functions), new CompileLimits(), Watched));
            Assert.Equal(ModuleFault.TooLarge, refused.Fault);
            return refused.Message;
        }

        // As far as the sections that count them.
        static byte[] Module(int imports, int functions) =>
        [
            .. Header,
            .. Section(2, [.. Leb(imports), .. new byte[4 * imports]]),
            .. Section(3, [.. Leb(functions), .. new byte[functions]]),
        ];
    }

    [Fact]
    public void No_bytes_stop_the_scan()
    {
        var random = new Random(7);
        for (var round = 0; round < 2_000; round++)
        {
            var bytes = new byte[random.Next(120)];
            random.NextBytes(bytes);
            Scanned([.. Header, .. bytes], new());
            Scanned(Of(1, bytes), new());
        }
    }

    [Theory]
    [InlineData("memory.init", 8, 0, 0)]
    [InlineData("memory.copy", 10, 0, 0)]
    [InlineData("memory.fill", 11, 0)]
    [InlineData("table.init", 12, 0, 0)]
    [InlineData("table.copy", 14, 0, 0)]
    [InlineData("table.fill", 17, 0)]
    public void A_function_of_many_bulk_instructions_is_refused_where_nothing_stops_a_guest_between_them(
        string what, params int[] instruction)
    {
        // With a length that nobody knows before.
        byte[] bulk = [0x41, 0, 0x41, 1, 0x20, 0, 0xFC, .. instruction.Select(b => (byte)b)];
        var most = Of(1_024, Body(bulk, MostBulk), Body(bulk, MostBulk));
        var more = Of(1_024, Body(bulk, MostBulk), Body(bulk, MostBulk + 1));

        ModuleScan.Read(most, new CompileLimits(), Unwatched);
        ModuleScan.Read(more, new CompileLimits(), Watched);
        var refused = Assert.Throws<WasmModuleException>(() =>
            ModuleScan.Read(more, new CompileLimits(), Unwatched));

        Assert.Equal(ModuleFault.TooLarge, refused.Fault);
        Assert.Contains("Wasmtime 36", refused.Message, StringComparison.Ordinal);
        Assert.True(refused.Offset > most.Length / 2, what);
    }

    [Fact]
    public void Copies_of_a_small_constant_length_are_not_counted()
    {
        Assert.Equal(0, Counted([0x41, 0xC0, 0x00, 0xFC, 10, 0, 0]));
        Assert.Equal(0, Counted([0x41, 0x80, 0x80, 0x04, 0xFC, 11, 0]));
        Assert.Equal(1, Counted([0x41, 0x81, 0x80, 0x04, 0xFC, 11, 0]));
        // 4 GiB less one byte, in one byte and in five.
        Assert.Equal(1, Counted([0x41, 0x7F, 0xFC, 11, 0]));
        Assert.Equal(1, Counted([0x41, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F, 0xFC, 11, 0]));
        // No constant any more, or none of bytes.
        Assert.Equal(1, Counted([0x41, 1, 0x20, 0, 0x6A, 0xFC, 11, 0]));
        Assert.Equal(1, Counted([0x41, 1, 0xFC, 17, 0]));
        Assert.Equal(0, Counted([0x41, 1, 0xFC, 15, 0, 0xFC, 13, 0, 0xFC, 9, 0, 0xFC, 16, 0, 0xFC, 7]));
    }

    [Fact]
    public void Immediates_are_no_instructions()
    {
        // Each with immediates that would read as memory.fill.
        byte[] misleading =
        [
            0x02, 0x40, 0x03, 0x7F, 0x04, 0xFC, 0x0B, 0x05, 0x0B, 0x0C, 0xFC, 0x0B, 0x0D, 0xFC, 0x0B,
            0x0E, 2, 0xFC, 0x0B, 0xFC, 0x0B, 0xFC, 0x0B, 0x0F, 0x10, 0xFC, 0x0B, 0x11, 0xFC, 0x0B, 0xFC, 0x0B,
            0x1A, 0x1B, 0x1C, 1, 0x7F, 0x20, 0xFC, 0x0B, 0x24, 0xFC, 0x0B, 0x25, 0xFC, 0x0B,
            0x28, 2, 0xFC, 0x0B, 0x3E, 2, 0xFC, 0x0B, 0x3F, 0, 0x40, 0,
            0x42, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0x0B,
            0x43, 0xFC, 0x0B, 0xFC, 0x0B, 0x44, 0xFC, 0x0B, 0xFC, 0x0B, 0xFC, 0x0B, 0xFC, 0x0B,
            0x45, 0xC4, 0xD0, 0x70, 0xD1, 0xD2, 0xFC, 0x0B, 0xFC, 0,
            0xFD, 0, 2, 0xFC, 0x0B, 0xFD, 12, .. Enumerable.Repeat<byte>(0xFC, 15), 0x0B,
            0xFD, 13, .. Enumerable.Repeat<byte>(0xFC, 15), 0x0B, 0xFD, 21, 0xFC, 0xFD, 84, 0, 0xFC, 0x0B, 0xFC,
            0xFD, 93, 0, 0xFC, 0x0B, 0xFD, 0xAE, 0x01,
        ];

        Assert.Equal(0, Counted(misleading));
        Assert.Equal(1, Counted([.. misleading, 0xFC, 11, 0]));
    }

    [Fact]
    public void Guests_that_compilers_wrote_are_far_below()
    {
        var guests = Path.Combine(Repository.Root, "sandboxes", "guests");
        string[] files =
        [
            .. Directory.GetFiles(Path.Combine(guests, "dist"), "*.wasm"),
            Path.Combine(guests, "templates", "javascript", "engine.wasm"),
        ];
        Assert.All(files, file => ModuleScan.Read(File.ReadAllBytes(file), new CompileLimits(), Unwatched));
        output.WriteLine($"{files.Length} modules");
    }

    private static byte[] Body(byte[] instructions, int times) =>
        [0, .. Enumerable.Repeat(instructions, times).SelectMany(i => i), 0x0B];

    private static int Counted(byte[] instructions) =>
        BulkScan.Count(new SectionReader([.. instructions, 0x0B], 0));

    private static ModuleFault? Scanned(byte[] wasm, CompileLimits limits)
    {
        try
        {
            ModuleScan.Read(wasm, limits, Unwatched);
            return null;
        }
        catch (WasmModuleException e)
        {
            return e.Fault;
        }
    }
}
