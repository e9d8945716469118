using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using AgentRuntime.Node.Interop;

namespace AgentRuntime.Node.Kernels;

/// <summary>
/// Attention on 16-bit keys and values with 32-bit sums (FlashAttention, arXiv 2205.14135), as the body of a custom
/// operation of ggml. A row's result is the same bits whatever is computed with it and wherever its cells lie: it sees
/// its cells in the order of their positions, in tiles of 64.
/// </summary>
internal static unsafe class AttentionKernel
{
    private const int Line = 64;
    private const int Tile = AttentionMath.Tile;

    /// <summary>Rows, times the heads that share keys, that are computed together at most.</summary>
    public const int MostRows = 64;

    /// <summary>Whether a node of flash attention is one that this computes.</summary>
    public static bool Computes(GgmlTensor* node)
    {
        GgmlTensor* q = node->Source(0), k = node->Source(1), v = node->Source(2), mask = node->Source(3);
        var sinks = node->Source(4);
        return mask is not null && node->Source(5) is null
            && (sinks is null || (sinks->Type == GgmlTensor.Float32 && sinks->Counts[0] == q->Counts[2]))
            && q->Type == GgmlTensor.Float32 && k->Type == GgmlTensor.Float16 && v->Type == GgmlTensor.Float16
            && q->Strides[0] == sizeof(float) && k->Strides[0] == sizeof(short) && v->Strides[0] == sizeof(short)
            && q->Counts[3] == 1 && mask->Counts[2] == 1 && mask->Counts[3] == 1
            && k->Counts[2] == v->Counts[2] && q->Counts[2] % k->Counts[2] == 0
            && q->Counts[2] / k->Counts[2] <= MostRows;
    }

    /// <summary>Bytes that a thread needs.</summary>
    public static long ScratchBytes(GgmlTensor* node)
    {
        var keyWidth = node->Source(1)->Counts[0];
        var valueWidth = Wide((int)node->Source(2)->Counts[0]);
        var floats = (Tile * (keyWidth + valueWidth)) + (MostRows * (keyWidth + valueWidth + Tile + 2));
        return ((floats * sizeof(float)) + 127) & ~127L;
    }

    private static int Wide(int width) => (width + AttentionMath.Lanes - 1) & -AttentionMath.Lanes;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void Compute(GgmlTensor* node, int thread, int threads, KernelWork* work)
    {
        GgmlTensor* q = node->Source(0), k = node->Source(1);
        var kvHeads = (int)k->Counts[2];
        var group = (int)q->Counts[2] / kvHeads;
        var plan = work->Plans + node->Parameters[GraphHook.PlanParameter];
        // Several heads at once where there are few rows: their keys lie side by side.
        var together = Math.Clamp(plan->Tiles * kvHeads / (2 * threads), 1, MostRows / (group * plan->MostTileRows));
        var parts = (kvHeads + together - 1) / together;
        var items = plan->Tiles * parts;
        var scratch = (float*)(work->Scratch + (thread * work->BytesPerThread));
        while (work->Take(items, threads, out var item))
        {
            var head = item / plan->Tiles * together;
            var tile = plan->TileList[item % plan->Tiles];
            Attend(node, plan->Rows, tile, head, Math.Min(together, kvHeads - head), scratch);
        }
    }

    /// <summary>A tile of rows for the query heads of some key heads.</summary>
    private static void Attend(
        GgmlTensor* node, SeenCells* rows, RowTile tile, int kvHead, int kvHeads, float* scratch)
    {
        GgmlTensor* q = node->Source(0), k = node->Source(1), v = node->Source(2);
        int keyWidth = (int)k->Counts[0], valueWidth = (int)v->Counts[0], wide = Wide(valueWidth);
        var group = (int)(q->Counts[2] / k->Counts[2]);
        var head = kvHead * group;
        // Rows of all arrays: by key head, then by query head, then by row of the tile.
        var each = group * tile.Count;
        var all = kvHeads * each;
        var keys = scratch;
        var values = keys + (Tile * keyWidth);
        var queries = values + (Tile * wide);
        var scores = queries + (MostRows * keyWidth);
        var sums = scores + (MostRows * Tile);
        var most = sums + (MostRows * wide);
        var total = most + MostRows;

        var scoring = new AttentionScores(node);
        for (var i = 0; i < all; i++)
        {
            var from = (float*)(q->Data + ((tile.First + (i % tile.Count)) * q->Strides[1])
                + ((head + (i / tile.Count)) * q->Strides[2]));
            for (var d = 0; d < keyWidth; d++) queries[(i * keyWidth) + d] = from[d] * scoring.Scale;
        }

        new Span<float>(sums, all * wide).Clear();
        new Span<float>(total, all).Clear();
        new Span<float>(most, all).Fill(float.NegativeInfinity);
        if (wide != valueWidth) new Span<float>(values, Tile * wide).Clear();

        rows += tile.First;
        var last = rows[tile.Count - 1];
        // Tiles begin at the same positions for everybody: the first that a row sees may lie within one.
        for (var start = rows[0].From & -Tile; start < last.Count; start += Tile)
        {
            var cells = last.Cells + start;
            var count = Math.Min(Tile, last.Count - start);
            for (var h = 0; h < kvHeads; h++)
            {
                // What comes next is on its way while this is computed: cells are too far apart to be guessed.
                if (h + 1 < kvHeads) Prefetch(k, v, kvHead + h + 1, cells, count);
                else Prefetch(k, v, kvHead, cells + count, Math.Min(Tile, last.Count - start - count));
                var own = h * each;
                var score = scores + (own * Tile);
                WidenKeys(k->Data + ((kvHead + h) * k->Strides[2]), k->Strides[1], cells, count, keys, keyWidth);
                AttentionMath.Multiply(
                    queries + (own * keyWidth), keyWidth, each, keys, keyWidth, score, Tile, add: false);
                for (var i = 0; i < each; i++)
                {
                    // Of a tile's cells a row sees those in its window up to its own position.
                    var sees = rows[i % tile.Count];
                    int hidden = Math.Max(0, sees.From - start), seen = Math.Min(Tile, sees.Count - start);
                    var row = score + (i * Tile);
                    if (seen <= hidden)
                    {
                        new Span<float>(row, Tile).Clear();
                        continue;
                    }

                    scoring.Shape(row, head + ((own + i) / tile.Count), sees.Count - 1 - start);
                    new Span<float>(row, hidden).Fill(float.NegativeInfinity);
                    new Span<float>(row + seen, Tile - seen).Fill(float.NegativeInfinity);
                    AttentionMath.Soften(row, ref most[own + i], ref total[own + i], sums + ((own + i) * wide), wide);
                }

                var source = v->Data + ((kvHead + h) * v->Strides[2]);
                for (var c = 0; c < count; c++)
                    AttentionMath.Widen((short*)(source + (cells[c] * v->Strides[1])), values + (c * wide), valueWidth);
                AttentionMath.Multiply(score, Tile, each, values, count, sums + (own * wide), wide, add: true);
            }
        }

        for (var i = 0; i < all; i++)
        {
            var own = head + (i / tile.Count);
            var factor = scoring.Share(own, most[i], total[i]);
            var place = own + ((tile.First + (i % tile.Count)) * q->Counts[2]);
            var to = (float*)(node->Data + (place * node->Strides[1]));
            for (var d = 0; d < valueWidth; d++) to[d] = sums[(i * wide) + d] * factor;
        }
    }

    private static void Prefetch(GgmlTensor* keys, GgmlTensor* values, int head, int* cells, int count)
    {
        if (!Sse.IsSupported) return;
        var key = keys->Data + (head * keys->Strides[2]);
        var value = values->Data + (head * values->Strides[2]);
        var keyBytes = keys->Counts[0] * sizeof(short);
        var valueBytes = values->Counts[0] * sizeof(short);
        for (var c = 0; c < count; c++)
        {
            for (var b = 0L; b < keyBytes; b += Line) Sse.Prefetch0(key + (cells[c] * keys->Strides[1]) + b);
            for (var b = 0L; b < valueBytes; b += Line) Sse.Prefetch0(value + (cells[c] * values->Strides[1]) + b);
        }
    }

    private static void WidenKeys(byte* source, long stride, int* cells, int count, float* target, int width)
    {
        var rows = stackalloc short*[16];
        for (var c = 0; c < Tile; c += 16)
        {
            // Beyond the last cell it is taken again: nobody sees those columns.
            for (var i = 0; i < 16; i++) rows[i] = (short*)(source + (cells[Math.Min(c + i, count - 1)] * stride));
            AttentionMath.WidenColumns(rows, target + c, width);
        }
    }
}
