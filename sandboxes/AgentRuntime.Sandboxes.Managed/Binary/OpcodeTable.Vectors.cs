namespace AgentRuntime.Sandboxes.Managed.Binary;

/// <content>The vector instructions: number, signature, and the method of <c>VectorOps</c> that does it.</content>
internal static partial class OpcodeTable
{
    /// <summary>One line per signature: <c>signature number name, number name, …</c> (§5.4.8).</summary>
    private static readonly string[] VectorLines =
    [
        "vv>v:14 Swizzle,35 I8x16Eq,36 I8x16Ne,37 I8x16LtS,38 I8x16LtU,39 I8x16GtS,40 I8x16GtU",
        "vv>v:41 I8x16LeS,42 I8x16LeU,43 I8x16GeS,44 I8x16GeU,45 I16x8Eq,46 I16x8Ne,47 I16x8LtS",
        "vv>v:48 I16x8LtU,49 I16x8GtS,50 I16x8GtU,51 I16x8LeS,52 I16x8LeU,53 I16x8GeS,54 I16x8GeU",
        "vv>v:55 I32x4Eq,56 I32x4Ne,57 I32x4LtS,58 I32x4LtU,59 I32x4GtS,60 I32x4GtU,61 I32x4LeS",
        "vv>v:62 I32x4LeU,63 I32x4GeS,64 I32x4GeU,65 F32x4Eq,66 F32x4Ne,67 F32x4Lt,68 F32x4Gt,69 F32x4Le",
        "vv>v:70 F32x4Ge,71 F64x2Eq,72 F64x2Ne,73 F64x2Lt,74 F64x2Gt,75 F64x2Le,76 F64x2Ge,78 And",
        "vv>v:79 AndNot,80 Or,81 Xor,101 I8x16NarrowS,102 I8x16NarrowU,110 I8x16Add,111 I8x16AddSatS",
        "vv>v:112 I8x16AddSatU,113 I8x16Sub,114 I8x16SubSatS,115 I8x16SubSatU,118 I8x16MinS,119 I8x16MinU",
        "vv>v:120 I8x16MaxS,121 I8x16MaxU,123 I8x16AvgrU,130 I16x8Q15MulrSatS,133 I16x8NarrowS",
        "vv>v:134 I16x8NarrowU,142 I16x8Add,143 I16x8AddSatS,144 I16x8AddSatU,145 I16x8Sub",
        "vv>v:146 I16x8SubSatS,147 I16x8SubSatU,149 I16x8Mul,150 I16x8MinS,151 I16x8MinU,152 I16x8MaxS",
        "vv>v:153 I16x8MaxU,155 I16x8AvgrU,156 I16x8ExtmulLowS,157 I16x8ExtmulHighS,158 I16x8ExtmulLowU",
        "vv>v:159 I16x8ExtmulHighU,174 I32x4Add,177 I32x4Sub,181 I32x4Mul,182 I32x4MinS,183 I32x4MinU",
        "vv>v:184 I32x4MaxS,185 I32x4MaxU,186 I32x4DotS,188 I32x4ExtmulLowS,189 I32x4ExtmulHighS",
        "vv>v:190 I32x4ExtmulLowU,191 I32x4ExtmulHighU,206 I64x2Add,209 I64x2Sub,213 I64x2Mul,214 I64x2Eq",
        "vv>v:215 I64x2Ne,216 I64x2LtS,217 I64x2GtS,218 I64x2LeS,219 I64x2GeS,220 I64x2ExtmulLowS",
        "vv>v:221 I64x2ExtmulHighS,222 I64x2ExtmulLowU,223 I64x2ExtmulHighU,228 F32x4Add,229 F32x4Sub",
        "vv>v:230 F32x4Mul,231 F32x4Div,232 F32x4Min,233 F32x4Max,234 F32x4Pmin,235 F32x4Pmax",
        "vv>v:240 F64x2Add,241 F64x2Sub,242 F64x2Mul,243 F64x2Div,244 F64x2Min,245 F64x2Max,246 F64x2Pmin",
        "vv>v:247 F64x2Pmax",
        "i>v:15 I8x16Splat,16 I16x8Splat,17 I32x4Splat",
        "I>v:18 I64x2Splat",
        "f>v:19 F32x4Splat",
        "F>v:20 F64x2Splat",
        "v>i:21 I8x16ExtractS,22 I8x16ExtractU,24 I16x8ExtractS,25 I16x8ExtractU,27 I32x4Extract",
        "v>i:83 AnyTrue,99 I8x16AllTrue,100 I8x16Bitmask,131 I16x8AllTrue,132 I16x8Bitmask",
        "v>i:163 I32x4AllTrue,164 I32x4Bitmask,195 I64x2AllTrue,196 I64x2Bitmask",
        "vi>v:23 I8x16Replace,26 I16x8Replace,28 I32x4Replace,107 I8x16Shl,108 I8x16ShrS,109 I8x16ShrU",
        "vi>v:139 I16x8Shl,140 I16x8ShrS,141 I16x8ShrU,171 I32x4Shl,172 I32x4ShrS,173 I32x4ShrU",
        "vi>v:203 I64x2Shl,204 I64x2ShrS,205 I64x2ShrU",
        "v>I:29 I64x2Extract",
        "vI>v:30 I64x2Replace",
        "v>f:31 F32x4Extract",
        "vf>v:32 F32x4Replace",
        "v>F:33 F64x2Extract",
        "vF>v:34 F64x2Replace",
        "v>v:77 Not,94 F32x4DemoteF64x2Zero,95 F64x2PromoteLowF32x4,96 I8x16Abs,97 I8x16Neg",
        "v>v:98 I8x16Popcnt,103 F32x4Ceil,104 F32x4Floor,105 F32x4Trunc,106 F32x4Nearest,116 F64x2Ceil",
        "v>v:117 F64x2Floor,122 F64x2Trunc,124 I16x8ExtaddPairwiseS,125 I16x8ExtaddPairwiseU",
        "v>v:126 I32x4ExtaddPairwiseS,127 I32x4ExtaddPairwiseU,128 I16x8Abs,129 I16x8Neg",
        "v>v:135 I16x8ExtendLowS,136 I16x8ExtendHighS,137 I16x8ExtendLowU,138 I16x8ExtendHighU",
        "v>v:148 F64x2Nearest,160 I32x4Abs,161 I32x4Neg,167 I32x4ExtendLowS,168 I32x4ExtendHighS",
        "v>v:169 I32x4ExtendLowU,170 I32x4ExtendHighU,192 I64x2Abs,193 I64x2Neg,199 I64x2ExtendLowS",
        "v>v:200 I64x2ExtendHighS,201 I64x2ExtendLowU,202 I64x2ExtendHighU,224 F32x4Abs,225 F32x4Neg",
        "v>v:227 F32x4Sqrt,236 F64x2Abs,237 F64x2Neg,239 F64x2Sqrt,248 I32x4TruncSatF32x4S",
        "v>v:249 I32x4TruncSatF32x4U,250 F32x4ConvertI32x4S,251 F32x4ConvertI32x4U",
        "v>v:252 I32x4TruncSatF64x2SZero,253 I32x4TruncSatF64x2UZero,254 F64x2ConvertLowS",
        "v>v:255 F64x2ConvertLowU",
        "vvv>v:82 BitSelect",
    ];

    private static readonly string?[] VectorNames = new string?[256];

    public static string VectorName(ushort op) =>
        VectorNames[op & 0xFF] ?? throw new InvalidOperationException($"no vector instruction {op:x}");

    private static void FillVector()
    {
        foreach (var line in VectorLines)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            foreach (var entry in line[(colon + 1)..].Split(','))
            {
                var space = entry.IndexOf(' ', StringComparison.Ordinal);
                var number = int.Parse(entry.AsSpan(0, space), System.Globalization.CultureInfo.InvariantCulture);
                Vector[number] = line[..colon];
                VectorNames[number] = entry[(space + 1)..];
            }
        }
    }
}
