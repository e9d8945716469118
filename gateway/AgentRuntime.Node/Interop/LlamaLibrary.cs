using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Interop;

/// <summary>
/// Finds and loads libllama (llama.cpp v0.5.0, from npm <c>@node-llama-cpp</c>) once a process. Thread-safe.
/// Order: <c>$AGENTRUNTIME_LLAMA_DIR</c>, the folder <c>llama</c> beside the program (a publish), and the npm folder of
/// the checkout that the program was built in.
/// </summary>
internal static class LlamaLibrary
{
    /// <summary>The name that <see cref="Llama"/> imports from.</summary>
    public const string Name = "llama";

    /// <summary>The name that the ggml functions are imported from.</summary>
    public const string GgmlName = "ggml";

    /// <summary>Overrides where the libraries are looked for.</summary>
    public const string FolderVariable = "AGENTRUNTIME_LLAMA_DIR";

    private const string LlamaFile = "libllama.v0.5.0.so";
    private const string GgmlFile = "libggml.v0.5.0.so";
    private const string NpmFolder = "gateway/AgentRuntime.Node/native/node_modules/@node-llama-cpp";

    private static readonly Lock Gate = new();
    private static bool s_loaded;

    /// <summary>Loads the library, its device backends and the log route; does nothing the second time.</summary>
    /// <exception cref="RuntimeErrorException">AR8004: the library is not installed or does not load.</exception>
    public static void Load(string device = "cpu")
    {
        lock (Gate)
        {
            if (s_loaded) return;
            var folder = Find(device) ?? throw Missing($"{LlamaFile} is not installed");
            nint llama, ggml;
            try
            {
                // libllama names its siblings by $ORIGIN, so that loading by full path finds them.
                ggml = NativeLibrary.Load(Path.Combine(folder, GgmlFile));
                llama = NativeLibrary.Load(Path.Combine(folder, LlamaFile));
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                throw Missing($"{LlamaFile} does not load: {e.Message}", e);
            }

            NativeLibrary.SetDllImportResolver(
                Assembly.GetExecutingAssembly(),
                (name, _, _) => name switch { Name => llama, GgmlName => ggml, _ => 0 });
            NativeLog.Install();
            LoadBackends(folder);
            Llama.BackendInit();
            s_loaded = true;
        }
    }

    private static unsafe void LoadBackends(string folder)
    {
        fixed (byte* path = Encoding.UTF8.GetBytes(folder + "\0"))
            Ggml.LoadBackends(path);
    }

    private static string? Find(string device)
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } folder)
            return File.Exists(Path.Combine(folder, LlamaFile)) ? folder : null;
        var published = Path.Combine(AppContext.BaseDirectory, "llama");
        if (File.Exists(Path.Combine(published, LlamaFile))) return published;
        var package = device == "cpu" ? "linux-x64" : $"linux-x64-{device}";
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var bins = Path.Combine(at.FullName, NpmFolder, package, "bins");
            if (!Directory.Exists(bins)) continue;
            return Directory.EnumerateDirectories(bins)
                .FirstOrDefault(bin => File.Exists(Path.Combine(bin, LlamaFile)));
        }

        return null;
    }

    private static RuntimeErrorException Missing(string message, Exception? inner = null) => new(
        new RuntimeError(
            ReasonCodes.MissingNativeLibrary,
            message,
            "llama.cpp",
            $"Run 'npm ci' in gateway/AgentRuntime.Node/native, or set {FolderVariable}."),
        inner);
}
