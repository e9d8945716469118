using System.Runtime.InteropServices;
using AgentRuntime.Node.Kernels;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Tests.Kernels;

/// <summary>The kernel on tensors made here, against sums in double precision, and against itself row by row.</summary>
public sealed unsafe class AttentionKernelTests
{
    private static readonly Shape[] EveryShape =
    [
        new(Heads: 4, KeyHeads: 4, Width: 64, Before: 0, Rows: 1), new(4, 2, 24, 63, 3), new(8, 1, 16, 100, 40),
        new(2, 2, 128, 64, 130), new(6, 2, 80, 511, 2), new(3, 3, 8, 5, 70),
    ];

    private static readonly Kind[] EveryKind =
    [
        new(), new(Window: 1), new(Window: 50), new(Window: 64), new(Cap: 1.5f), new(Bias: 8), new(Sink: 1),
        new(Sink: 40), new(Window: 100, Cap: 3, Sink: -2),
    ];

    public static TheoryData<Shape, Kind> Shapes
    {
        get
        {
            var all = new TheoryData<Shape, Kind>();
            foreach (var shape in EveryShape)
                foreach (var kind in EveryKind)
                    all.Add(shape, kind);
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void It_is_what_attention_is(Shape shape, Kind kind)
    {
        using var problem = new Problem(shape, kind, seed: 1);
        var actual = problem.Compute(threads: 2, tileRows: shape.MostRows, permute: 0);
        var expected = problem.Naive();
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 2e-5);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_row_has_the_same_bits_alone_with_others_and_wherever_its_cells_lie(Shape shape, Kind kind)
    {
        using var problem = new Problem(shape, kind, seed: 2);
        var together = problem.Compute(threads: 1, tileRows: shape.MostRows, permute: 0);
        Assert.Equal(together, problem.Compute(threads: 3, tileRows: 1, permute: 0));
        Assert.Equal(together, problem.Compute(threads: 2, tileRows: Math.Min(3, shape.MostRows), permute: 7));
    }

    [Fact]
    public void What_it_cannot_compute_is_left_to_ggml()
    {
        using var problem = new Problem(new(4, 2, 64, 0, 1), new(), seed: 3);
        Assert.True(AttentionKernel.Computes(problem.Node));
        problem.Node->Source(1)->Type = GgmlTensor.Float32;
        Assert.False(AttentionKernel.Computes(problem.Node));
    }

    public sealed record Shape(int Heads, int KeyHeads, int Width, int Before, int Rows)
    {
        public int MostRows => AttentionKernel.MostRows / (Heads / KeyHeads);
    }

    /// <summary>What the operation asks for: 0 or null for nothing.</summary>
    public sealed record Kind(int Window = 0, float Cap = 0, float Bias = 0, float? Sink = null);

    /// <summary>One sequence: rows that each see the cells before them, or the last of them, and their own.</summary>
    private sealed class Problem : IDisposable
    {
        private const float Scale = 0.3f;

        private readonly int _heads, _keyHeads, _width, _before, _rows, _cells;
        private readonly Kind _kind;
        private readonly List<nint> _blocks = [];
        private readonly float[] _queries;
        private readonly Half[] _keys, _values;

        public Problem(Shape shape, Kind kind, int seed)
        {
            (_heads, _keyHeads, _width, _before, _rows) = shape;
            var (heads, keyHeads, width, before, rows) = shape;
            _kind = kind;
            _cells = before + rows;
            var random = new Random(seed);
            double Next() => (random.NextDouble() - .5) * 4;
            _queries = [.. Enumerable.Range(0, rows * heads * width).Select(_ => (float)Next())];
            _keys = [.. Enumerable.Range(0, _cells * keyHeads * width).Select(_ => (Half)Next())];
            _values = [.. Enumerable.Range(0, _cells * keyHeads * width).Select(_ => (Half)(Next() / 4))];
            Node = New(sizeof(GgmlTensor));
            SetCounts(Node, width, heads, rows, sizeof(float));
            var q = New(sizeof(GgmlTensor));
            q->Type = GgmlTensor.Float32;
            (q->Counts[0], q->Counts[1], q->Counts[2], q->Counts[3]) = (width, rows, heads, 1);
            (q->Strides[0], q->Strides[1], q->Strides[2]) =
                (sizeof(float), (long)heads * width * sizeof(float), (long)width * sizeof(float));
            q->Data = Bytes(MemoryMarshal.AsBytes(_queries.AsSpan()));
            Node->Sources[0] = (long)q;
            Node->Sources[1] = (long)Cells();
            Node->Sources[2] = (long)Cells();
            var mask = New(sizeof(GgmlTensor));
            (mask->Counts[2], mask->Counts[3]) = (1, 1);
            Node->Sources[3] = (long)mask;
            if (kind.Sink is not { } sink) return;
            var sinks = New(sizeof(GgmlTensor));
            sinks->Counts[0] = heads;
            sinks->Data = Bytes(MemoryMarshal.AsBytes(Enumerable.Repeat(sink, heads).ToArray().AsSpan()));
            Node->Sources[4] = (long)sinks;
        }

        public GgmlTensor* Node { get; }

        public float[] Compute(int threads, int tileRows, int permute)
        {
            var order = Enumerable.Range(0, _cells).ToArray();
            if (permute != 0) new Random(permute).Shuffle(order);
            Scatter(Node->Source(1), _keys, order);
            Scatter(Node->Source(2), _values, order);
            var seen = new SeenCells[_rows];
            List<RowTile> tiles = [];
            for (var r = 0; r < _rows; r += tileRows)
                tiles.Add(new() { First = r, Count = Math.Min(tileRows, _rows - r) });
            var list = tiles.ToArray();
            fixed (int* cells = order)
            fixed (SeenCells* rows = seen)
            fixed (RowTile* first = list)
            {
                for (var r = 0; r < _rows; r++)
                    seen[r] = new() { Cells = cells, From = FirstSeen(r), Count = _before + r + 1 };
                var plan = new AttentionPlan
                {
                    Rows = rows, TileList = first, Tiles = list.Length, MostTileRows = list.Max(t => t.Count),
                };
                var bytes = AttentionKernel.ScratchBytes(Node);
                var work = new KernelWork
                {
                    Plans = &plan, BytesPerThread = bytes, Scratch = Allocate(checked((int)bytes) * threads),
                };
                var parameters = (float*)(Node->Parameters + GraphHook.SavedParameters);
                (parameters[0], parameters[1], parameters[2]) = (Scale, _kind.Bias, _kind.Cap);
                delegate* unmanaged[Cdecl]<GgmlTensor*, int, int, KernelWork*, void> compute =
                    &AttentionKernel.Compute;
                for (var t = 0; t < threads; t++) compute(Node, t, threads, &work);
                // Ready for the next layer, and what that takes is put back.
                Assert.True(work.Take(1, 1, out var next));
                Assert.Equal(0, next);
                Assert.False(work.Take(1, 1, out _));
            }

            return new Span<float>(Node->Data, _rows * _heads * _width).ToArray();
        }

        public double[] Naive()
        {
            var result = new double[_rows * _heads * _width];
            for (var r = 0; r < _rows; r++)
            {
                for (var h = 0; h < _heads; h++)
                {
                    var kv = h / (_heads / _keyHeads);
                    var from = FirstSeen(r);
                    var scores = Enumerable.Range(from, _before + r + 1 - from).Select(c => Score(r, h, c)).ToArray();
                    var most = Math.Max(scores.Max(), _kind.Sink ?? double.NegativeInfinity);
                    var weights = scores.Select(s => Math.Exp(s - most)).ToArray();
                    var total = weights.Sum() + (_kind.Sink is { } sink ? Math.Exp(sink - most) : 0);
                    for (var d = 0; d < _width; d++)
                        result[(((r * _heads) + h) * _width) + d] = weights.Select((w, i) =>
                            w * (double)_values[((((from + i) * _keyHeads) + kv) * _width) + d]).Sum() / total;
                }
            }

            return result;
        }

        public void Dispose()
        {
            foreach (var block in _blocks) NativeMemory.AlignedFree((void*)block);
        }

        private int FirstSeen(int row) => _kind.Window == 0 ? 0 : Math.Max(0, _before + row + 1 - _kind.Window);

        private double Score(int row, int head, int cell)
        {
            var kv = head / (_heads / _keyHeads);
            var score = Scale * Enumerable.Range(0, _width).Sum(d =>
                (double)_queries[(((row * _heads) + head) * _width) + d]
                * (double)_keys[(((cell * _keyHeads) + kv) * _width) + d]);
            if (_kind.Cap != 0) score = _kind.Cap * Math.Tanh(score / _kind.Cap);
            // ALiBi's slopes: those of the power of two below the number of heads, then every other one of twice it.
            var power = (int)Math.Pow(2, Math.Floor(Math.Log2(_heads)));
            var slope = head < power
                ? Math.Pow(2, -_kind.Bias * (head + 1) / power)
                : Math.Pow(2, -_kind.Bias * ((2 * (head - power)) + 1) / (2 * power));
            return _kind.Bias == 0 ? score : score - (slope * (_before + row - cell));
        }

        private void Scatter(GgmlTensor* tensor, Half[] from, int[] order)
        {
            var row = _keyHeads * _width;
            for (var c = 0; c < _cells; c++)
                from.AsSpan(c * row, row).CopyTo(new Span<Half>((Half*)tensor->Data + ((long)order[c] * row), row));
        }

        private GgmlTensor* Cells()
        {
            var tensor = New(sizeof(GgmlTensor));
            tensor->Type = GgmlTensor.Float16;
            (tensor->Counts[0], tensor->Counts[1], tensor->Counts[2], tensor->Counts[3]) =
                (_width, _cells, _keyHeads, 1);
            (tensor->Strides[0], tensor->Strides[1], tensor->Strides[2]) =
                (sizeof(short), (long)_keyHeads * _width * sizeof(short), (long)_width * sizeof(short));
            tensor->Data = Allocate(_cells * _keyHeads * _width * sizeof(short));
            return tensor;
        }

        private void SetCounts(GgmlTensor* tensor, int width, int heads, int rows, int size)
        {
            (tensor->Counts[0], tensor->Counts[1], tensor->Counts[2], tensor->Counts[3]) = (width, heads, rows, 1);
            (tensor->Strides[0], tensor->Strides[1]) = (size, (long)width * size);
            tensor->Data = Allocate(width * heads * rows * size);
        }

        private GgmlTensor* New(int bytes) => (GgmlTensor*)Allocate(bytes);

        private byte* Bytes(ReadOnlySpan<byte> from)
        {
            var to = Allocate(from.Length);
            from.CopyTo(new(to, from.Length));
            return to;
        }

        private byte* Allocate(int bytes)
        {
            var block = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, 128);
            new Span<byte>(block, bytes).Clear();
            _blocks.Add((nint)block);
            return block;
        }
    }
}
