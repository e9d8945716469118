using System.Diagnostics;
using System.Text;
using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Benchmarks.Routing;

/// <summary>Reads Mooncake-format traces, plain or packed with xz or gzip.</summary>
internal static class TraceFile
{
    public static List<TraceRequest> Read(string path)
    {
        if (!File.Exists(path))
            throw new ArgumentException($"no trace at '{path}'");
        if (Path.GetExtension(path) == ".xz")
            return Unpack("xz", path);
        return Path.GetExtension(path) == ".gz" ? Unpack("gzip", path) : Parse(File.OpenText(path));
    }

    private static List<TraceRequest> Unpack(string program, string path)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, ["-dc", path]) { RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new InvalidOperationException($"{program} did not start");
        var trace = Parse(process.StandardOutput);
        process.WaitForExit();
        return process.ExitCode == 0 ? trace : throw new ArgumentException($"{program} cannot unpack '{path}'");
    }

    private static List<TraceRequest> Parse(StreamReader reader)
    {
        List<TraceRequest> trace = [];
        using (reader)
        {
            while (reader.ReadLine() is { } line)
            {
                if (line.Length > 0)
                    trace.Add(TraceRequest.ParseMooncake(Encoding.UTF8.GetBytes(line)));
            }
        }

        trace.Sort(static (a, b) => a.ArrivalSeconds.CompareTo(b.ArrivalSeconds));
        return trace;
    }
}
