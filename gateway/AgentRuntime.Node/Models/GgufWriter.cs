using System.Buffers.Binary;
using System.Text;

namespace AgentRuntime.Node.Models;

/// <summary>
/// Writes a GGUF v3 file (llama.cpp's <c>docs/gguf.md</c>): header, metadata, tensor descriptions, aligned tensor data.
/// Metadata first, then tensors; not thread-safe.
/// </summary>
internal sealed class GgufWriter
{
    private const uint Magic = 0x46554747;
    private const uint FormatVersion = 3;
    private const int Alignment = 32;
    private const int QuantizedBlock = 32;
    private const int QuantizedBytes = 34;

    private readonly MemoryStream _metadata = new();
    private readonly List<TensorPlan> _tensors = [];
    private ulong _metadataCount;

    private enum ValueType : uint
    {
        UInt32 = 4,
        Int32 = 5,
        Float32 = 6,
        Bool = 7,
        String = 8,
        Array = 9,
    }

    public void Add(string key, string value)
    {
        Key(key, ValueType.String);
        Text(_metadata, value);
    }

    public void Add(string key, uint value)
    {
        Key(key, ValueType.UInt32);
        UInt32(_metadata, value);
    }

    public void Add(string key, float value)
    {
        Key(key, ValueType.Float32);
        UInt32(_metadata, BitConverter.SingleToUInt32Bits(value));
    }

    public void Add(string key, bool value)
    {
        Key(key, ValueType.Bool);
        _metadata.WriteByte(value ? (byte)1 : (byte)0);
    }

    public void Add(string key, IReadOnlyList<string> values)
    {
        ArrayHeader(key, ValueType.String, values.Count);
        foreach (var value in values) Text(_metadata, value);
    }

    public void Add(string key, IReadOnlyList<int> values)
    {
        ArrayHeader(key, ValueType.Int32, values.Count);
        foreach (var value in values) UInt32(_metadata, (uint)value);
    }

    /// <summary>Plans a tensor. Dimensions are in GGUF order: the contiguous one first.</summary>
    /// <param name="name">The tensor's name in the architecture.</param>
    /// <param name="columns">The contiguous dimension.</param>
    /// <param name="rows">The other dimension; 0 for a vector.</param>
    /// <param name="format">How its elements are written.</param>
    /// <param name="value">Gives the element of a row and a column; called once an element, in order.</param>
    /// <param name="matrices">How many matrices the tensor has, which share the rows; 0 for no such dimension.</param>
    public void AddTensor(
        string name, int columns, int rows, WeightFormat format, Func<int, int, float> value, int matrices = 0) =>
        _tensors.Add(new(name, columns, rows, matrices, format, value));

    /// <summary>Writes the file.</summary>
    public void Write(Stream output)
    {
        UInt32(output, Magic);
        UInt32(output, FormatVersion);
        UInt64(output, (ulong)_tensors.Count);
        UInt64(output, _metadataCount);
        _metadata.WriteTo(output);

        var offset = 0L;
        foreach (var tensor in _tensors)
        {
            Text(output, tensor.Name);
            UInt32(output, tensor.Rows == 0 ? 1u : tensor.Matrices == 0 ? 2u : 3u);
            UInt64(output, (ulong)tensor.Columns);
            if (tensor.Rows > 0) UInt64(output, (ulong)(tensor.Rows / Math.Max(1, tensor.Matrices)));
            if (tensor.Matrices > 0) UInt64(output, (ulong)tensor.Matrices);
            UInt32(output, tensor.Format switch { WeightFormat.Float16 => 1u, WeightFormat.Quantized8 => 8u, _ => 0u });
            UInt64(output, (ulong)offset);
            offset += Aligned(tensor.Bytes);
        }

        Pad(output, Aligned(output.Position) - output.Position);
        foreach (var tensor in _tensors)
        {
            WriteData(output, tensor);
            Pad(output, Aligned(tensor.Bytes) - tensor.Bytes);
        }
    }

    private static void WriteData(Stream output, TensorPlan tensor)
    {
        var values = new float[tensor.Columns];
        var row = new byte[tensor.RowBytes];
        for (var r = 0; r < Math.Max(1, tensor.Rows); r++)
        {
            for (var c = 0; c < values.Length; c++) values[c] = tensor.Value(r, c);
            switch (tensor.Format)
            {
                case WeightFormat.Float16:
                    for (var c = 0; c < values.Length; c++)
                        BinaryPrimitives.WriteHalfLittleEndian(row.AsSpan(c * 2), (Half)values[c]);
                    break;
                case WeightFormat.Quantized8:
                    for (var c = 0; c < values.Length; c += QuantizedBlock)
                        Quantize(values.AsSpan(c, QuantizedBlock), row.AsSpan(c / QuantizedBlock * QuantizedBytes));
                    break;
                default:
                    for (var c = 0; c < values.Length; c++)
                        BinaryPrimitives.WriteSingleLittleEndian(row.AsSpan(c * 4), values[c]);
                    break;
            }

            output.Write(row);
        }
    }

    /// <summary>ggml's <c>block_q8_0</c>: the scale, then the elements over it, rounded.</summary>
    private static void Quantize(ReadOnlySpan<float> values, Span<byte> block)
    {
        var most = 0f;
        foreach (var value in values) most = MathF.Max(most, MathF.Abs(value));
        var scale = most / 127;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (var i = 0; i < values.Length; i++)
            block[2 + i] = unchecked((byte)(sbyte)(scale == 0 ? 0 : MathF.Round(values[i] / scale)));
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private static void Pad(Stream output, long bytes) => output.Write(new byte[bytes]);

    private static void Text(Stream output, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        UInt64(output, (ulong)bytes.Length);
        output.Write(bytes);
    }

    private static void UInt32(Stream output, uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        output.Write(bytes);
    }

    private static void UInt64(Stream output, ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        output.Write(bytes);
    }

    private void ArrayHeader(string key, ValueType elements, int count)
    {
        Key(key, ValueType.Array);
        UInt32(_metadata, (uint)elements);
        UInt64(_metadata, (ulong)count);
    }

    private void Key(string key, ValueType type)
    {
        Text(_metadata, key);
        UInt32(_metadata, (uint)type);
        _metadataCount++;
    }

    private sealed record TensorPlan(
        string Name, int Columns, int Rows, int Matrices, WeightFormat Format, Func<int, int, float> Value)
    {
        public int RowBytes => Format switch
        {
            WeightFormat.Float16 => Columns * 2,
            WeightFormat.Quantized8 => Columns / QuantizedBlock * QuantizedBytes,
            _ => Columns * 4,
        };

        public long Bytes => (long)RowBytes * Math.Max(1, Rows);
    }
}
