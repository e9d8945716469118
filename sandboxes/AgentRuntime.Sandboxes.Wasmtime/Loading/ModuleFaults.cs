using System.Globalization;
using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Sandboxes.Wasmtime.Loading;

/// <summary>
/// What the library's message says is wrong with a module. It does not tell malformed from invalid, as the
/// specification does: that is read from the wording, and is a courtesy to whoever reads it. Stateless.
/// </summary>
internal static class ModuleFaults
{
    private static readonly string[] OfTheFormat =
    [
        "unexpected end", "magic header", "unknown binary version", "invalid leading byte", "integer representation",
        "integer too large", "malformed", "section size mismatch", "illegal opcode", "unexpected data", "out of order",
        "inconsistent lengths", "data count", "END opcode expected", "operators remaining", "length out of bounds",
        "zero byte expected", "invalid u32", "invalid var", "flags", "too many locals", "unexpected content",
        "end of section", "mutability", "wasm component", "invalid table resizable", "invalid external kind",
    ];

    private static readonly string[] OfLimits =
    [
        "implementation limit", "exceeds limit", "exceeds the limit", "too big", "too large", "count exceeds",
        "exceeds the configured",
    ];

    public static WasmModuleException From(string message)
    {
        // The cause is the last paragraph: "WebAssembly translation error / Caused by: / 0: …".
        var cause = string.Join("; ", message.Split('\n', StringSplitOptions.TrimEntries
            | StringSplitOptions.RemoveEmptyEntries).Where(l => l != "Caused by:"));
        var fault = OfLimits.Any(t => message.Contains(t, StringComparison.Ordinal)) ? ModuleFault.TooLarge
            : OfTheFormat.Any(t => message.Contains(t, StringComparison.Ordinal)) ? ModuleFault.Malformed
            : ModuleFault.Invalid;
        return new WasmModuleException(fault, cause, Offset(message));
    }

    private static int Offset(string message)
    {
        const string Mark = "at offset 0x";
        var start = message.IndexOf(Mark, StringComparison.Ordinal);
        if (start < 0) return -1;
        var digits = message.AsSpan(start + Mark.Length);
        var end = 0;
        while (end < digits.Length && char.IsAsciiHexDigit(digits[end])) end++;
        digits = digits[..end];
        return int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var at) ? at : -1;
    }
}
