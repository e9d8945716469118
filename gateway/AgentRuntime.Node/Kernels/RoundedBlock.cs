using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace AgentRuntime.Node.Kernels;

/// <summary>256 elements of a vector, rounded to eight bits as ggml's <c>block_q8_K</c> is.</summary>
[StructLayout(LayoutKind.Sequential, Size = 320)]
internal unsafe struct RoundedBlock
{
    public const int Count = 256;

    /// <summary>What the elements are multiples of.</summary>
    public float Scale;

    /// <summary>Sums of the elements of each part, two in a word.</summary>
    public fixed int Sums[8];

    private fixed byte _padding[28];

    public fixed sbyte Elements[Count];

    /// <summary>
    /// Rounds a vector, of which every <paramref name="part"/> elements are added up. Where ggml's scale has the other
    /// sign, its elements have as well, so that products are the same. Needs AVX2.
    /// </summary>
    public static void Round(float* vector, RoundedBlock* to, int count, int part)
    {
        for (; count > 0; count -= Count, vector += Count, to++)
        {
            var most = Vector256<float>.Zero;
            for (var i = 0; i < Count; i += 8) most = Vector256.Max(most, Vector256.Abs(Vector256.Load(vector + i)));
            var largest = 0f;
            for (var i = 0; i < 8; i++) largest = Math.Max(largest, most[i]);
            var inverse = largest == 0 ? 0 : 127f / largest;
            to->Scale = largest == 0 ? 0 : 1 / inverse;
            var sums = (short*)to->Sums;
            for (var start = 0; start < Count; start += part)
            {
                var sum = Vector256<short>.Zero;
                for (var i = start; i < start + part; i += 16)
                {
                    var words = Vector256.Narrow(
                        Avx.ConvertToVector256Int32(Vector256.Load(vector + i) * inverse),
                        Avx.ConvertToVector256Int32(Vector256.Load(vector + i + 8) * inverse));
                    Vector128.Narrow(words.GetLower(), words.GetUpper()).Store(to->Elements + i);
                    sum += words;
                }

                *sums++ = Vector256.Sum(sum);
            }
        }
    }
}
