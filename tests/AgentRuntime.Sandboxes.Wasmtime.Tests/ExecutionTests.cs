using Xunit.Abstractions;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>The binding against the library itself.</summary>
public sealed class ExecutionTests(ITestOutputHelper output)
{
    [Fact]
    public void The_library_says_its_release()
    {
        if (GivenLibrary.Engine(output) is not { } engine) return;

        output.WriteLine(engine.Version);
        Assert.Matches(@"^(36|48)\.\d+\.\d+$", engine.Version);
    }

    [Fact]
    public void A_function_adds()
    {
        if (GivenLibrary.Engine(output) is not { } engine) return;
        // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
        byte[] wasm = [0, 0x61, 0x73, 0x6D, 1, 0, 0, 0, 1, 7, 1, 0x60, 2, 0x7F, 0x7F, 1, 0x7F, 3, 2, 1, 0,
            7, 7, 1, 3, 0x61, 0x64, 0x64, 0, 0, 10, 9, 1, 7, 0, 0x20, 0, 0x20, 1, 0x6A, 0x0B];
        using var instance = engine.Compile(wasm).Instantiate([], GivenLibrary.Limits);

        Assert.Equal(5, instance.CallI32("add", 2, 3));
    }
}
