using System.Diagnostics;

namespace AgentRuntime.TestKit;

/// <summary>Runs Debian's Python, whose packages stand for what others wrote.</summary>
public static class Python
{
    private const string Program = "/usr/bin/python3";

    /// <summary>Whether Python and these modules are installed.</summary>
    public static bool Has(params IEnumerable<string> modules)
    {
        if (!File.Exists(Program)) return false;
        var info = Info("-c", $"import {string.Join(", ", modules)}");
        info.RedirectStandardError = true;
        using var process = Process.Start(info)!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    /// <summary>Starts a script whose standard output is read by the caller, who also disposes the process.</summary>
    public static Process Start(
        string script, IEnumerable<string> arguments, params IEnumerable<(string Name, string Value)> environment)
    {
        var info = Info([script, .. arguments]);
        foreach (var (name, value) in environment) info.Environment[name] = value;
        return Process.Start(info)!;
    }

    private static ProcessStartInfo Info(params IEnumerable<string> arguments) =>
        new(Program, arguments) { UseShellExecute = false, RedirectStandardOutput = true };
}
