using System.Reflection;
using System.Runtime.InteropServices;
using SQLitePCL;

namespace AgentRuntime.Storage;

/// <summary>
/// Chooses the native SQLite: the system's <c>libsqlite3</c>, which the distribution patches, or else the copy that
/// the package bundles (from 2021). The provider imports <c>e_sqlite3</c>; a resolver answers that name. Runs once.
/// </summary>
internal static class SqliteLibrary
{
    private static readonly string[] SystemNames = ["libsqlite3.so.0", "libsqlite3.dylib"];
    private static readonly Lazy<bool> Initialized = new(Initialize);

    /// <summary>Makes SQLite usable in this process. Idempotent and thread-safe.</summary>
    public static void EnsureInitialized() => _ = Initialized.Value;

    private static bool Initialize()
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLite3Provider_e_sqlite3).Assembly, Resolve);
        raw.SetProvider(new SQLite3Provider_e_sqlite3());
        return true;
    }

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name == "e_sqlite3")
            foreach (var system in SystemNames)
                if (NativeLibrary.TryLoad(system, out var library))
                    return library;
        return IntPtr.Zero;
    }
}
