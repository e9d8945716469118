using System.Diagnostics;
using System.Text;
using AgentRuntime.Gateway.Routing.Simulation;

namespace AgentRuntime.Benchmarks.Routing;

/// <summary>Reads Mooncake-format traces, plain or packed with xz or gzip.</summary>
internal static class TraceFile
{
    private const double LongestSeconds = 366 * 86400.0;

    public static List<TraceRequest> Read(string path)
    {
        if (!File.Exists(path))
            throw new ArgumentException($"no trace at '{path}'");
        if (Path.GetExtension(path) == ".xz")
            return Unpack("xz", path);
        return Path.GetExtension(path) == ".gz" ? Unpack("gzip", path) : Parse(File.OpenText(path), path);
    }

    private static List<TraceRequest> Unpack(string program, string path)
    {
        using var process = Process.Start(
            new ProcessStartInfo(program, ["-dc", path]) { RedirectStandardOutput = true, UseShellExecute = false })
            ?? throw new InvalidOperationException($"{program} did not start");
        var trace = Parse(process.StandardOutput, path);
        process.WaitForExit();
        return process.ExitCode == 0 ? trace : throw new ArgumentException($"{program} cannot unpack '{path}'");
    }

    private static List<TraceRequest> Parse(StreamReader reader, string path)
    {
        List<TraceRequest> trace = [];
        using (reader)
        {
            for (var number = 1; reader.ReadLine() is { } line; number++)
            {
                if (line.Length > 0)
                    trace.Add(ParseLine(line, path, number));
            }
        }

        if (trace.Count == 0)
            throw new ArgumentException($"the trace '{path}' is empty");
        var start = trace.Min(r => r.ArrivalSeconds);
        if (trace.Max(r => r.ArrivalSeconds) - start > LongestSeconds)
            throw new ArgumentException($"the trace '{path}' is longer than a year; its timestamps are milliseconds");
        // Those of the same moment stay in the order of the file. A trace cut from a longer one begins when it begins.
        return
        [
            .. trace.Select(r => r with { ArrivalSeconds = r.ArrivalSeconds - start }).OrderBy(r => r.ArrivalSeconds),
        ];
    }

    private static TraceRequest ParseLine(string line, string path, int number)
    {
        try
        {
            return TraceRequest.ParseMooncake(Encoding.UTF8.GetBytes(line));
        }
        catch (FormatException e)
        {
            throw new ArgumentException($"'{path}' line {number}: {e.Message}", e);
        }
    }
}
