using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using AgentRuntime.Sandboxes.Wasmtime.Loading;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Scripts;
using AgentRuntime.Sandboxes.Wasmtime.Signals;
using NativeMemory = AgentRuntime.Sandboxes.Wasmtime.Native.NativeMemory;

namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>
/// Sizes and offsets as gcc 12 gives them for the headers of Wasmtime 36.0.14 and 48.0.0, which release 50's own .NET
/// binding repeats, and for <c>signal.h</c> of glibc 2.36 and musl 1.2 on x64; arm64 has the same.
/// </summary>
public sealed class NativeLayoutTests
{
    [Fact]
    public void Structures_are_as_large_as_in_C()
    {
        Assert.Equal(16, Unsafe.SizeOf<NativeVector>());
        Assert.Equal(16, Unsafe.SizeOf<NativeFunction>());
        Assert.Equal(24, Unsafe.SizeOf<NativeMemory>());
        Assert.Equal(24, Unsafe.SizeOf<NativeGlobal>());
        Assert.Equal(32, Unsafe.SizeOf<NativeExtern>());
        Assert.Equal(16, Unsafe.SizeOf<NativeInstance>());
        Assert.Equal(16, Unsafe.SizeOf<NativeValue>());
        Assert.All(NativeRelease.All, r => Assert.InRange(r.ValueBytes, 1, Unsafe.SizeOf<TaggedValue>()));
        Assert.All(NativeRelease.All, r => Assert.InRange(r.ReferenceBytes, 1, Unsafe.SizeOf<ExternalReference>()));
        Assert.Equal(152, Unsafe.SizeOf<SignalAction>());
        Assert.Equal(24, Unsafe.SizeOf<SignalStack>());
    }

    [Fact]
    public void Fields_are_where_they_are_in_C()
    {
        Assert.Equal(8, At<NativeVector>(nameof(NativeVector.Data)));
        Assert.Equal(8, At<NativeFunction>(nameof(NativeFunction.Private)));
        Assert.Equal(16, At<NativeMemory>(nameof(NativeMemory.Private2)));
        Assert.Equal(16, At<NativeGlobal>(nameof(NativeGlobal.Private3)));
        Assert.Equal(8, At<NativeExtern>(nameof(NativeExtern.Function)));
        Assert.Equal(8, At<NativeInstance>(nameof(NativeInstance.Private)));
        Assert.Equal(8, At<TaggedValue>(nameof(TaggedValue.Low)));
        Assert.Equal(8, At<SignalAction>(nameof(SignalAction.Mask)));
        Assert.Equal(136, At<SignalAction>(nameof(SignalAction.Flags)));
        Assert.Equal(144, At<SignalAction>(nameof(SignalAction.Restorer)));
        Assert.Equal(8, At<SignalStack>(nameof(SignalStack.Flags)));
        Assert.Equal(16, At<SignalStack>(nameof(SignalStack.Bytes)));
    }

    [Fact]
    public void Every_function_is_bound_once()
    {
        var functions = WasmtimeLibrary.Functions().ToArray();

        Assert.InRange(functions.Length, 50, 100);
        Assert.Equal(functions.Distinct(), functions);
        Assert.All(functions, f => Assert.StartsWith("wasm", f, StringComparison.Ordinal));
    }

    private static int At<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
