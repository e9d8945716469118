using System.Runtime.Intrinsics;

namespace AgentRuntime.Sandboxes.Core;

/// <summary>Value types with their binary codes (WebAssembly 2.0 §5.3).</summary>
public enum WasmValueType : byte
{
    /// <summary>32-bit integer.</summary>
    I32 = 0x7F,

    /// <summary>64-bit integer.</summary>
    I64 = 0x7E,

    /// <summary>32-bit float.</summary>
    F32 = 0x7D,

    /// <summary>64-bit float.</summary>
    F64 = 0x7C,

    /// <summary>128-bit vector.</summary>
    V128 = 0x7B,

    /// <summary>Reference to a function, or null.</summary>
    FuncRef = 0x70,

    /// <summary>Reference to something of the host's, or null.</summary>
    ExternRef = 0x6F,
}

/// <summary>A function type. Immutable, compared by content.</summary>
public sealed class FunctionType(WasmValueType[] parameters, WasmValueType[] results) : IEquatable<FunctionType>
{
    /// <summary>Types of the parameters.</summary>
    public ReadOnlySpan<WasmValueType> Parameters => parameters;

    /// <summary>Types of the results.</summary>
    public ReadOnlySpan<WasmValueType> Results => results;

    /// <inheritdoc/>
    public bool Equals(FunctionType? other) =>
        other is not null && Parameters.SequenceEqual(other.Parameters) && Results.SequenceEqual(other.Results);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as FunctionType);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var p in parameters) hash.Add(p);
        hash.Add(-1);
        foreach (var r in results) hash.Add(r);
        return hash.ToHashCode();
    }

    /// <summary>As in the text format: <c>(i32, i64) -> (f32)</c>.</summary>
    public override string ToString() =>
        $"({string.Join(", ", parameters).ToLowerInvariant()}) -> ({string.Join(", ", results).ToLowerInvariant()})";
}

/// <summary>What is imported or exported (binary codes of §5.5.5).</summary>
public enum ExternKind : byte
{
    /// <summary>A function.</summary>
    Function = 0,

    /// <summary>A table.</summary>
    Table = 1,

    /// <summary>A linear memory.</summary>
    Memory = 2,

    /// <summary>A global.</summary>
    Global = 3,
}

/// <summary>An import. Immutable.</summary>
/// <param name="Module">The first name.</param>
/// <param name="Name">The second name.</param>
/// <param name="Kind">What is imported.</param>
/// <param name="Function">The type when it is a function; otherwise null.</param>
public sealed record WasmImport(string Module, string Name, ExternKind Kind, FunctionType? Function);

/// <summary>An export. Immutable.</summary>
/// <param name="Name">The name.</param>
/// <param name="Kind">What is exported.</param>
/// <param name="Function">The type when it is a function; otherwise null.</param>
public sealed record WasmExport(string Name, ExternKind Kind, FunctionType? Function);

/// <summary>A number or vector as its bits; references are not passed between host and guest here. Immutable.</summary>
public readonly record struct WasmValue(Vector128<ulong> Bits)
{
    /// <summary>An i32.</summary>
    public static WasmValue FromI32(int value) => new(Vector128.CreateScalar((ulong)(uint)value));

    /// <summary>An i64.</summary>
    public static WasmValue FromI64(long value) => new(Vector128.CreateScalar((ulong)value));

    /// <summary>An f32, by its bits.</summary>
    public static WasmValue FromF32(float value) => FromI32(BitConverter.SingleToInt32Bits(value));

    /// <summary>An f64, by its bits.</summary>
    public static WasmValue FromF64(double value) => FromI64(BitConverter.DoubleToInt64Bits(value));

    /// <summary>As an i32.</summary>
    public int AsI32() => (int)Bits.GetElement(0);

    /// <summary>As an i64.</summary>
    public long AsI64() => (long)Bits.GetElement(0);

    /// <summary>As an f32.</summary>
    public float AsF32() => BitConverter.Int32BitsToSingle(AsI32());

    /// <summary>As an f64.</summary>
    public double AsF64() => BitConverter.Int64BitsToDouble(AsI64());
}
