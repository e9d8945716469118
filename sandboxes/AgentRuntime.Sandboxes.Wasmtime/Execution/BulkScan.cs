namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>
/// Counts the instructions of a function body that may take long each: <c>memory.init</c>, <c>.copy</c> and
/// <c>.fill</c> but for those whose length is a small constant, as compilers write them for structures, and
/// <c>table.init</c>, <c>.copy</c> and <c>.fill</c>. Reads the binary format of WebAssembly 2.0 (§5.4) and stops at
/// what is none, which the compiler refuses. Stateless.
/// </summary>
internal static class BulkScan
{
    /// <summary>As many as a whole body of them copies in a second.</summary>
    private const uint FewBytes = 64 << 10;

    private const byte Misc = 0xFC;
    private const byte Vector = 0xFD;

    /// <param name="body">A body behind its locals.</param>
    public static int Count(SectionReader body)
    {
        var count = 0;
        // The length is the operand on top.
        uint? constant = null;
        while (!body.AtEnd)
        {
            var op = body.Byte();
            if (op == 0x41)
            {
                constant = body.S32();
                continue;
            }

            if (op == Misc && TakesLong(ref body, constant)) count++;
            else if (op != Misc && !SkipImmediates(ref body, op)) break;
            constant = null;
        }

        return count;
    }

    private static bool TakesLong(ref SectionReader body, uint? length)
    {
        var op = body.U32();
        // Saturating conversions have no immediates, two of the others two indices, the rest one.
        if (op >= 8) body.U32();
        if (op is 8 or 10 or 12 or 14) body.U32();
        return op is 8 or 10 or 11 ? length is null or > FewBytes : op is 12 or 14 or 17;
    }

    /// <summary>False where an instruction is none of WebAssembly 2.0.</summary>
    private static bool SkipImmediates(ref SectionReader body, byte op)
    {
        switch (op)
        {
            case 0x00 or 0x01 or 0x05 or 0x0B or 0x0F or 0x1A or 0x1B or (>= 0x45 and <= 0xC4) or 0xD1:
                return true;
            case 0x02 or 0x03 or 0x04 or 0x0C or 0x0D or 0x10 or (>= 0x20 and <= 0x26) or 0x3F or 0x40 or 0xD0 or 0xD2:
                body.U32();
                return true;
            case 0x11 or (>= 0x28 and <= 0x3E):
                body.U32();
                body.U32();
                return true;
            case 0x0E:
                for (var targets = body.U32() + 1L; targets > 0 && !body.Broken; targets--) body.U32();
                return true;
            case 0x1C:
                body.Bytes(body.U32());
                return true;
            case 0x42:
                body.SkipInteger();
                return true;
            case 0x43:
                body.Bytes(4);
                return true;
            case 0x44:
                body.Bytes(8);
                return true;
            case Vector:
                SkipVectorImmediates(ref body, body.U32());
                return true;
            default:
                return false;
        }
    }

    private static void SkipVectorImmediates(ref SectionReader body, uint op)
    {
        if (op is <= 11 or (>= 84 and <= 93))
        {
            body.U32();
            body.U32();
        }

        if (op is 12 or 13) body.Bytes(16);
        else if (op is (>= 21 and <= 34) or (>= 84 and <= 91)) body.Byte();
    }
}
