using System.Diagnostics;
using System.Globalization;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Compiling;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Wasmtime.Tests.GivenLibrary;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>Modules that are compiled in a process of their own, which is this program once more.</summary>
[Collection("library")]
public sealed class CompilerProcessTests(ITestOutputHelper output)
{
    private static readonly CompilerProgram Own = new(
        "dotnet", [typeof(CompilerProcessTests).Assembly.Location]);

    private static readonly CompileLimits Patient = new() { MaxTime = TimeSpan.FromMinutes(1) };

    [Fact]
    public void Code_that_was_made_apart_runs_like_any_other()
    {
        if (Apart(Own) is not { } engine) return;
        var module = engine.Compile(GuestModules.Guest, Patient, default);
        using var instance = module.Instantiate([Host(Doubling)], Limits);
        using var metered = module.Instantiate([Host(Doubling)], Limits with { Fuel = 1_000 });

        Assert.Equal(42, instance.CallI32("run", 21));
        Assert.Equal(TrapKind.MemoryOutOfBounds, Traps(() => instance.CallI32("load", -1)).Kind);
        Assert.Equal(TrapKind.FuelExhausted, Traps(() => metered.Call("spin", [], [])).Kind);
        Assert.True(module.SizeBytes > 2 * GuestModules.Guest.Length);
    }

    [Fact]
    public void What_is_wrong_with_a_module_is_told_as_when_it_is_compiled_here()
    {
        if (Apart(Own) is not { } engine || Given(output) is not { } here) return;
        byte[] wrong = [.. GuestModules.Guest[..^3], 0x0B, 0x0B, 0x0B];

        var apart = Assert.Throws<WasmModuleException>(() => engine.Compile(wrong, Patient, default));
        var expected = Assert.Throws<WasmModuleException>(() => here.Compile(wrong));

        Assert.Equal((expected.Fault, expected.Message, expected.Offset), (apart.Fault, apart.Message, apart.Offset));
    }

    [Fact]
    public void A_module_that_the_compiler_does_not_get_done_with_is_refused_in_time_and_its_process_gone()
    {
        if (Apart(Own) is not { } engine) return;
        var started = Stopwatch.GetTimestamp();

        var refused = Assert.Throws<WasmModuleException>(() =>
            engine.Compile(CompileBomb(), new() { MaxTime = TimeSpan.FromSeconds(1) }, default));

        Assert.Equal(ModuleFault.TooLarge, refused.Fault);
        Assert.Contains("took longer", refused.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(40));
        Assert.Equal(0, Compilers());
        Assert.NotNull(engine.Compile(GuestModules.Guest, Patient, default));
    }

    [Fact]
    public void A_module_that_takes_more_memory_than_it_may_is_refused()
    {
        if (Apart(Own with { MaxMemoryBytes = 160 << 20 }) is not { } engine) return;

        var refused = Assert.Throws<WasmModuleException>(() => engine.Compile(CompileBomb(), Patient, default));

        Assert.Equal(ModuleFault.TooLarge, refused.Fault);
        Assert.Contains("160 MiB", refused.Message, StringComparison.Ordinal);
        Assert.NotNull(engine.Compile(GuestModules.Guest, Patient, default));
    }

    [Fact]
    public void A_module_that_becomes_too_much_code_is_refused()
    {
        if (Apart(Own with { MaxCodeBytes = 4_096 }) is not { } engine) return;

        var refused = Assert.Throws<WasmModuleException>(() => engine.Compile(GuestModules.Guest, Patient, default));

        Assert.Equal(ModuleFault.TooLarge, refused.Fault);
        Assert.Contains("4096", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_time_to_compile_grows_with_the_module()
    {
        if (Apart(Own) is not { } engine || Given(output) is not { } here) return;
        var growing = new CompileLimits { MaxTime = TimeSpan.Zero, MaxTimePerMebibyte = TimeSpan.FromDays(1) };

        Assert.NotNull(engine.Compile(GuestModules.Guest, growing, default));
        Assert.NotNull(here.Compile(GuestModules.Guest, growing, default));
        Assert.Throws<WasmModuleException>(() => engine.Compile(
            CompileBomb(), growing with { MaxTimePerMebibyte = TimeSpan.FromMilliseconds(100) }, default));
        Assert.Equal(TimeSpan.FromSeconds(24), new CompileLimits().TimeFor(7 << 20));
    }

    [Fact]
    public void A_process_that_waits_for_the_next_module_has_had_none_before()
    {
        using var engine = Apart(Own with { KeepsReady = true });
        if (engine is null) return;
        engine.Compile(GuestModules.Guest, Patient, default);
        var first = Assert.Single(CompilerIds());
        byte[] wrong = [.. GuestModules.Guest[..^3], 0x0B, 0x0B, 0x0B];
        Assert.Throws<WasmModuleException>(() => engine.Compile(wrong, Patient, default));
        var second = Assert.Single(CompilerIds());
        Process.GetProcessById(second).Kill();
        Process.GetProcessById(second).WaitForExit();

        using var instance = engine.Compile(GuestModules.Guest, Patient, default)
            .Instantiate([Host(Doubling)], Limits);
        var third = Assert.Single(CompilerIds());
        engine.Dispose();

        Assert.Equal(42, instance.CallI32("run", 21));
        Assert.Equal(3, new[] { first, second, third }.Distinct().Count());
        Assert.Empty(CompilerIds());
        engine.Compile(GuestModules.Guest, Patient, default);
        Assert.Empty(CompilerIds());
    }

    [Theory]
    [InlineData("/no/such/program", "", "AR8005")]
    [InlineData("sh", "echo the reason >&2", "AR8005")]
    [InlineData("sh", "exec sleep 100", "AR3014")]
    public void A_process_that_does_not_become_a_compiler_is_not_the_modules_fault(
        string file, string script, string code)
    {
        var program = new CompilerProgram(file, ["-c", script]) { StartPatience = TimeSpan.FromSeconds(5) };
        if (Apart(program) is not { } engine) return;

        var error = Assert.Throws<RuntimeErrorException>(() =>
            engine.Compile(GuestModules.Guest, Patient, default)).Error;

        Assert.Equal(code, error.Code.ToString());
        if (script.StartsWith("echo", StringComparison.Ordinal))
            Assert.Contains("the reason", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_stays_open_of_processes_that_are_over()
    {
        if (Apart(new CompilerProgram("sh", ["-c", "exit"])) is not { } engine) return;
        var before = Open();
        for (var i = 0; i < 40; i++)
            Assert.Throws<RuntimeErrorException>(() => engine.Compile(GuestModules.Guest, Patient, default));

        // Each has three pipes; other tests may open a few things meanwhile.
        Assert.InRange(Open() - before, int.MinValue, 20);

        static int Open() => Directory.GetFileSystemEntries("/proc/self/fd").Length;
    }

    [Fact]
    public void The_hosts_environment_stays_with_the_host()
    {
        const string Name = "AGENTRUNTIME_TEST_SECRET";
        if (Apart(new CompilerProgram("sh", ["-c", "env >&2"])) is not { } engine) return;
        Environment.SetEnvironmentVariable(Name, "hush");
        try
        {
            var error = Assert.Throws<RuntimeErrorException>(() =>
                engine.Compile(GuestModules.Guest, Patient, default)).Error;

            Assert.Contains("DOTNET_gcServer=0", error.Message, StringComparison.Ordinal);
            Assert.DoesNotContain(Name, error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Environment.SetEnvironmentVariable(Name, null);
        }
    }

    private WasmtimeEngine? Apart(CompilerProgram program) => Given(output) is null ? null
        : new WasmtimeEngine(Loading.WasmtimeLibrary.Find(null)!, new() { PooledInstances = 32 })
        {
            Compiler = program,
        };

    /// <summary>54 KB of a thousand locals that three thousand loops read and write, all of them needed at the end:
    /// the time and memory of a register allocator grow with the product.</summary>
    private static byte[] CompileBomb()
    {
        const int Locals = 1_000, Loops = 3_000;
        List<byte> body = [1, .. BinaryModule.Leb(Locals), 0x7F];
        for (var i = 1; i <= Locals; i++) body.AddRange([0x20, 0, 0x28, 2, 0, 0x21, .. BinaryModule.Leb(i)]);
        for (var i = 0; i < Loops; i++)
        {
            body.AddRange([0x03, 0x40, 0x20, .. BinaryModule.Leb(1 + (i % Locals)), 0x41, 1, 0x6A]);
            body.AddRange([0x22, .. BinaryModule.Leb(1 + (i * 7 % Locals)), 0x0D, 0, 0x0B]);
        }

        body.AddRange([0x41, 0]);
        for (var i = 1; i <= Locals; i++) body.AddRange([0x20, .. BinaryModule.Leb(i), 0x6A]);
        return BinaryModule.Of(1, [.. body, 0x1A, 0x0B]);
    }

    private static int Compilers() => CompilerIds().Count;

    /// <summary>Compiler processes of this process.</summary>
    private static List<int> CompilerIds() =>
    [
        .. Directory.GetDirectories("/proc")
            .Select(folder => int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && IsCompiler($"/proc/{id}")),
    ];

    private static bool IsCompiler(string folder)
    {
        try
        {
            // The fields behind the name, which is in parentheses: state, parent.
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            var parent = stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1];
            return parent == Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
                && File.ReadAllText(Path.Combine(folder, "cmdline")).Contains(
                    CompilerWorker.Verb, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
