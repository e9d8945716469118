using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Execution;
using AgentRuntime.Sandboxes.Wasmtime.Loading;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>What is said of a library that cannot be used. None of this needs one.</summary>
public sealed class LibraryTests
{
    [Fact]
    public void A_library_that_is_not_there_or_is_none_is_refused_with_its_code()
    {
        var file = Path.GetTempFileName();
        try
        {
            Assert.Contains("no such file", Refused("/nonexistent/libwasmtime.so"), StringComparison.Ordinal);
            Assert.Contains("no library", Refused(file), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void Another_library_is_refused_for_the_functions_that_it_lacks()
    {
        if (!OperatingSystem.IsLinux()) return;
        var other = Array.Find(
            ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"], File.Exists);
        if (other is null) return;

        Assert.Contains("lacks wasm", Refused(other), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("36.0.0", true)]
    [InlineData("36.0.14", true)]
    [InlineData("48.0.0", true)]
    [InlineData("48", true)]
    [InlineData("50", true)]
    [InlineData("50.0.1", true)]
    [InlineData("35.0.0", false)]
    [InlineData("37.0.1", false)]
    [InlineData("49.0.0", false)]
    [InlineData("51.0.0", false)]
    [InlineData("3", false)]
    [InlineData("", false)]
    public void Only_the_releases_that_the_binding_is_for_are_taken(string version, bool taken)
    {
        var thrown = Record.Exception(() => NativeEngine.CheckVersion(version, "libwasmtime.so"));

        if (taken) Assert.Null(thrown);
        else Assert.Equal(ReasonCodes.SandboxLibrary, Assert.IsType<RuntimeErrorException>(thrown).Error.Code);
    }

    [Fact]
    public void A_version_is_read_from_what_may_be_any_bytes()
    {
        var random = new Random(20261121);
        for (var length = 0; length < 400; length += 7)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            Assert.Equal("", NativeEngine.SerializedVersion(bytes));
        }
    }

    [Theory]
    [InlineData(0, TrapKind.CallStackExhausted)]
    [InlineData(1, TrapKind.MemoryOutOfBounds)]
    [InlineData(3, TrapKind.TableOutOfBounds)]
    [InlineData(4, TrapKind.UninitializedElement)]
    [InlineData(5, TrapKind.IndirectCallTypeMismatch)]
    [InlineData(6, TrapKind.IntegerOverflow)]
    [InlineData(7, TrapKind.IntegerDivideByZero)]
    [InlineData(8, TrapKind.InvalidConversion)]
    [InlineData(9, TrapKind.Unreachable)]
    [InlineData(10, TrapKind.Stopped)]
    public void Every_trap_code_of_core_modules_has_its_kind(byte code, TrapKind kind) =>
        Assert.All(NativeRelease.All, r => Assert.Equal(kind, TrapTranslation.KindOf(code, r)));

    [Theory]
    [InlineData("36.0.14", 12)]
    [InlineData("48.0.0", 11)]
    [InlineData("50.0.1", 11)]
    public void Running_out_of_fuel_has_the_code_of_the_release_and_its_neighbours_mean_nothing(
        string version, byte code)
    {
        var release = NativeRelease.Of(version)!;

        Assert.Equal(TrapKind.FuelExhausted, TrapTranslation.KindOf(code, release));
        for (var other = 11; other < 60; other++)
            if (other != code) Assert.Null(TrapTranslation.KindOf((byte)other, release));
    }

    private static string Refused(string path)
    {
        var error = Assert.Throws<RuntimeErrorException>(() => WasmtimeLibrary.Load(path)).Error;
        Assert.Equal(ReasonCodes.SandboxLibrary, error.Code);
        return error.Message;
    }
}
