using System.Reflection;
using System.Runtime.InteropServices;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Signals;

namespace AgentRuntime.Sandboxes.Wasmtime.Loading;

/// <summary>
/// The one <c>libwasmtime</c> of the process: found, loaded and checked for every function that the binding calls. It
/// is never unloaded, because its signal handlers stay. Thread-safe.
/// </summary>
public sealed class WasmtimeLibrary
{
    /// <summary>Names the library, or the folder of a release that holds it.</summary>
    public const string EnvironmentVariable = "AGENTRUNTIME_WASMTIME";

    private const string FileName = "libwasmtime.so";
    private const string GiveAnother = $"Give {EnvironmentVariable} or sandbox.library the libwasmtime.so (C API) of a "
        + "release 36.0.x, 48.0.x or 50.0.x, or choose sandbox.engine: managed.";
    private static readonly Lock Gate = new();
    private static WasmtimeLibrary? _loaded;

    private WasmtimeLibrary(string path, nint handle)
    {
        Path = path;
        Handle = handle;
    }

    /// <summary>Where it came from; a bare name when the system's loader found it.</summary>
    public string Path { get; }

    internal nint Handle { get; }

    /// <summary>What <see cref="Find"/> takes to find the same in another process.</summary>
    internal string? Named => Path == FileName ? null : Path;

    /// <summary>
    /// Finds a library: what is configured, else <see cref="EnvironmentVariable"/>, else beside the program as the
    /// NuGet package leaves it, else where the system's loader looks.
    /// </summary>
    /// <param name="configured">A file or folder that must then be it; null to look for one.</param>
    /// <returns>The library, or null when none was named and none is installed.</returns>
    /// <exception cref="RuntimeErrorException">AR3018: what was named is missing, or not a library of Wasmtime that
    /// this binding is for.</exception>
    public static WasmtimeLibrary? Find(string? configured)
    {
        configured = Blank(configured) ?? Blank(Environment.GetEnvironmentVariable(EnvironmentVariable));
        lock (Gate)
        {
            if (_loaded is not null)
            {
                return configured is null || _loaded.Path == FileOf(configured)
                    ? _loaded
                    : throw Unusable($"'{_loaded.Path}' is loaded already, and a process can hold but one", configured);
            }

            if (!Posix.IsSupported)
            {
                return configured is null ? null
                    : throw Unusable("the binding is for Linux on x64 and arm64", configured);
            }

            return _loaded = configured is null ? FindInstalledWithLockHeld() : Load(FileOf(configured));
        }
    }

    /// <summary>A library that cannot be used, or not as it is asked to be.</summary>
    internal static RuntimeErrorException Unusable(string what, string? where, string? action = null) => new(
        new RuntimeError(
            ReasonCodes.SandboxLibrary, $"Wasmtime cannot be used: {what}.", where, action ?? GiveAnother));

    private static WasmtimeLibrary? FindInstalledWithLockHeld()
    {
        var beside = AppContext.BaseDirectory;
        string[] places =
        [
            System.IO.Path.Combine(beside, FileName),
            System.IO.Path.Combine(beside, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", FileName),
            System.IO.Path.Combine(beside, "runtimes", Portable(), "native", FileName),
            System.IO.Path.Combine("/usr/local/lib", FileName),
        ];
        if (Array.Find(places, File.Exists) is { } place) return Load(place);
        return NativeLibrary.TryLoad(FileName, out var handle) ? Checked(FileName, handle) : null;
    }

    /// <summary>Loads and checks; the caller holds the lock, or knows that it will fail.</summary>
    internal static WasmtimeLibrary Load(string path)
    {
        if (!File.Exists(path)) throw Unusable("there is no such file", path);
        try
        {
            return Checked(path, NativeLibrary.Load(path));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw Unusable("the file is no library for this machine, or needs one that is missing", path);
        }
    }

    private static unsafe WasmtimeLibrary Checked(string path, nint handle)
    {
        var missing = Functions().Where(f => !NativeLibrary.TryGetExport(handle, f, out _)).ToArray();
        if (missing.Length > 0)
        {
            NativeLibrary.Free(handle);
            var more = missing.Length > 3 ? $" and {missing.Length - 3} more" : "";
            var all = string.Join(", ", missing.Take(3)) + more;
            throw Unusable($"the library lacks {all}: it is too old, or not Wasmtime's C API with its pool", path);
        }

        // Traps would capture, resolve and print a native backtrace each. The library reads libc's environment, which
        // is not the one that .NET shows.
        fixed (byte* one = "RUST_BACKTRACE\0"u8, two = "RUST_LIB_BACKTRACE\0"u8)
        {
            _ = Posix.UnsetEnvironment(one);
            _ = Posix.UnsetEnvironment(two);
        }

        NativeLibrary.SetDllImportResolver(
            typeof(Api).Assembly, (name, _, _) => name == Api.Library ? handle : 0);
        return new WasmtimeLibrary(path, handle);
    }

    /// <summary>Every function that the binding calls.</summary>
    internal static IEnumerable<string> Functions() => typeof(Api)
        .GetMethods(BindingFlags.Static | BindingFlags.Public)
        .Select(m => m.GetCustomAttribute<LibraryImportAttribute>()?.EntryPoint)
        .OfType<string>();

    private static string FileOf(string configured) => !Directory.Exists(configured)
        ? System.IO.Path.GetFullPath(configured)
        : new[] { System.IO.Path.Combine(configured, FileName), System.IO.Path.Combine(configured, "lib", FileName) }
            .Select(System.IO.Path.GetFullPath).FirstOrDefault(File.Exists)
            ?? System.IO.Path.GetFullPath(System.IO.Path.Combine(configured, FileName));

    private static string Portable() =>
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";

    private static string? Blank(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}
