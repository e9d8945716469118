using System.Globalization;

namespace AgentRuntime.Sandboxes.Wasmtime.Native;

/// <summary>
/// Where the releases that the binding is for differ in what it calls; in all else their headers agree (decision record
/// 0130). Immutable.
/// </summary>
/// <param name="Major">The release.</param>
/// <param name="OutOfFuel">wasmtime/trap.h: <c>WASMTIME_TRAP_CODE_OUT_OF_FUEL</c>; the codes below it are the same in
/// all.</param>
/// <param name="UnrootTakesContext">wasmtime/val.h: whether <c>wasmtime_externref_unroot</c> has the context before the
/// reference.</param>
/// <param name="VectorsApart">Whether <c>v128</c> has functions of its own (<see cref="VectorTypes"/>) and may not meet
/// those for the other types.</param>
/// <param name="ReferenceBytes">wasmtime/val.h: the size of <c>wasmtime_externref_t</c>.</param>
/// <param name="ValueBytes">wasmtime/val.h: the size of <c>wasmtime_val_t</c>.</param>
internal sealed record NativeRelease(
    int Major, byte OutOfFuel, bool UnrootTakesContext, bool VectorsApart, int ReferenceBytes, int ValueBytes)
{
    public static IReadOnlyList<NativeRelease> All { get; } =
    [
        new(36, OutOfFuel: 12, UnrootTakesContext: true, VectorsApart: false, ReferenceBytes: 16, ValueBytes: 24),
        new(48, OutOfFuel: 11, UnrootTakesContext: false, VectorsApart: true, ReferenceBytes: 24, ValueBytes: 32),
        new(50, OutOfFuel: 11, UnrootTakesContext: false, VectorsApart: true, ReferenceBytes: 24, ValueBytes: 32),
    ];

    /// <summary>Whether code looks at the epoch before each instruction that works on as many bytes or elements as it
    /// is told, such as <c>memory.copy</c>: since release 46.</summary>
    public bool WatchesBulk => Major >= 46;

    /// <summary>That of the one library of the process; set before the first module is compiled.</summary>
    public static NativeRelease Loaded { get; set; } = All[0];

    /// <summary>The releases by name: <c>36, 48 and 50</c>.</summary>
    public static string Names { get; } = string.Join(", ", All.SkipLast(1).Select(r => r.Major)) + " and "
        + All[^1].Major.ToString(CultureInfo.InvariantCulture);

    /// <summary>What is known of a version such as <c>36.0.14</c>; null of another release.</summary>
    public static NativeRelease? Of(string version) =>
        int.TryParse(version.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            ? All.FirstOrDefault(r => r.Major == major)
            : null;
}
