using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Interop;

/// <summary>
/// Finds and loads libllama (llama.cpp v0.5.0, from npm <c>@node-llama-cpp</c>) once a process. Thread-safe.
/// Order: <c>$AGENTRUNTIME_LLAMA_DIR</c>, the folder <c>llama</c> beside the program (a publish), and the npm folder of
/// the checkout that the program was built in. The packages for accelerators name the device in their files
/// (<c>libllama.cuda.v0.5.0.so</c>); a process has one device.
/// </summary>
internal static class LlamaLibrary
{
    /// <summary>The name that <see cref="Llama"/> imports from.</summary>
    public const string Name = "llama";

    /// <summary>The name that the ggml functions are imported from.</summary>
    public const string GgmlName = "ggml";

    /// <summary>Overrides where the libraries are looked for.</summary>
    public const string FolderVariable = "AGENTRUNTIME_LLAMA_DIR";

    private const string LibraryVersion = "v0.5.0";
    private const string NpmFolder = "gateway/AgentRuntime.Node/native/node_modules/@node-llama-cpp";

    private static readonly Lock Gate = new();
    private static string? s_loaded;

    /// <summary>Loads the library, its device backends and the log route; does nothing the second time.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR8004: the library is not installed, does not load, finds no such device, or is loaded for another one.
    /// </exception>
    public static void Load(string device = "cpu")
    {
        lock (Gate)
        {
            if (s_loaded == device) return;
            if (s_loaded is not null) throw Missing(device, $"this process has llama.cpp for {s_loaded} already");
            var folder = Find(device) ?? throw Missing(device, $"{File("llama", device)} is not installed");
            nint llama, ggml;
            try
            {
                // libllama names its siblings by $ORIGIN, so that loading by full path finds them.
                ggml = NativeLibrary.Load(Path.Combine(folder, File("ggml", device)));
                llama = NativeLibrary.Load(Path.Combine(folder, File("llama", device)));
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                throw Missing(device, $"{File("llama", device)} does not load: {e.Message}", e);
            }

            NativeLibrary.SetDllImportResolver(
                Assembly.GetExecutingAssembly(),
                (name, _, _) => name switch { Name => llama, GgmlName => ggml, _ => 0 });
            NativeLog.Install();
            LoadBackends(folder);
            Llama.BackendInit();
            s_loaded = device;
            if (device != "cpu" && !StartDevices())
                throw Missing(device, "no device answers: its driver is not installed, or there is none");
        }
    }

    private static unsafe void LoadBackends(string folder)
    {
        fixed (byte* path = Encoding.UTF8.GetBytes(folder + "\0"))
            Ggml.LoadBackends(path);
    }

    /// <summary>
    /// Starts every accelerator once, which ggml otherwise does when it is first used: Vulkan's is there for other
    /// threads before it is ready.
    /// </summary>
    private static unsafe bool StartDevices()
    {
        var found = false;
        for (nuint i = 0; i < Ggml.DeviceCount(); i++)
        {
            var device = Ggml.Device(i);
            if (Ggml.DeviceType(device) is not (Ggml.GpuDevice or Ggml.SharedGpu)) continue;
            var backend = Ggml.StartDevice(device, null);
            if (backend == 0) continue;
            Ggml.FreeBackend(backend);
            found = true;
        }

        return found;
    }

    private static string? Find(string device)
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is { Length: > 0 } folder)
            return HasLibrary(folder, device) ? folder : null;
        var published = Path.Combine(AppContext.BaseDirectory, "llama");
        if (HasLibrary(published, device)) return published;
        var package = device == "cpu" ? "linux-x64" : $"linux-x64-{device}";
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var bins = Path.Combine(at.FullName, NpmFolder, package, "bins");
            if (!Directory.Exists(bins)) continue;
            return Directory.EnumerateDirectories(bins)
                .FirstOrDefault(bin => HasLibrary(bin, device));
        }

        return null;
    }

    private static string File(string library, string device) =>
        device == "cpu" ? $"lib{library}.{LibraryVersion}.so" : $"lib{library}.{device}.{LibraryVersion}.so";

    private static bool HasLibrary(string folder, string device) =>
        System.IO.File.Exists(Path.Combine(folder, File("llama", device)));

    private static RuntimeErrorException Missing(string device, string message, Exception? inner = null) => new(
        new RuntimeError(
            ReasonCodes.MissingNativeLibrary,
            message,
            "llama.cpp",
            device == "cpu"
                ? $"Run 'npm ci' in gateway/AgentRuntime.Node/native, or set {FolderVariable}."
                : $"Run 'tests/gpu/install {device}' (runtime/docs/accelerators.md), or set {FolderVariable}."),
        inner);
}
