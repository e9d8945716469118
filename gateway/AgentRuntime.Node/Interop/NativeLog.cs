using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AgentRuntime.Node.Interop;

/// <summary>
/// Takes llama.cpp's log away from standard error. Errors are kept, so that a failed load can say why; everything is
/// passed to standard error again with <c>AGENTRUNTIME_LLAMA_LOG=1</c>. Thread-safe: llama.cpp logs from any thread.
/// </summary>
internal static class NativeLog
{
    private const int ErrorLevel = 4;
    private const int MostKept = 8;
    private const int MostCharacters = 300;

    private static readonly Lock Gate = new();
    private static readonly Queue<string> Errors = new();
    private static readonly bool Echo = Environment.GetEnvironmentVariable("AGENTRUNTIME_LLAMA_LOG") == "1";

    public static unsafe void Install() => Llama.LogSet(&Receive, 0);

    /// <summary>The errors logged since the last call, oldest first, in one line; null when there are none.</summary>
    public static string? TakeErrors()
    {
        lock (Gate)
        {
            if (Errors.Count == 0) return null;
            var text = string.Join("; ", Errors);
            Errors.Clear();
            return text;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe void Receive(int level, byte* text, nint userData)
    {
        try
        {
            if (!Echo && level != ErrorLevel) return;
            var line = Marshal.PtrToStringUTF8((nint)text)?.Trim() ?? "";
            if (Echo) Console.Error.WriteLine(line);
            if (level != ErrorLevel || line.Length == 0) return;
            lock (Gate)
            {
                if (Errors.Count == MostKept) Errors.Dequeue();
                Errors.Enqueue(line.Length > MostCharacters ? line[..MostCharacters] : line);
            }
        }
        catch (Exception)
        {
            // An exception must not unwind into native frames; a lost log line is the lesser evil.
        }
    }
}
