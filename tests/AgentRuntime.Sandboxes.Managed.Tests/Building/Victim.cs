using System.Diagnostics;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Tests.Building;

/// <summary>A process of its own, for guests that might end the one that they run in.</summary>
internal static class Victim
{
    private const int StackBytes = 2 << 20;

    /// <summary>Calls of a depth take about 80 bytes; a frame that fits nowhere is wider than so many.</summary>
    private const int DepthStep = 400;
    private const int MaxDepth = 40_000;

    /// <summary>
    /// Calls a module's <c>run</c> with ever more depth on the Managed engine in a child process, and expects that it
    /// returns as long as there is stack, and then traps.
    /// </summary>
    public static async Task DescendAsync(byte[] wasm)
    {
        var path = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(path, wasm);
            using var process = Process.Start(new ProcessStartInfo(
                Environment.ProcessPath!, ["exec", typeof(Victim).Assembly.Location, path])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false,
            })!;
            var errors = process.StandardError.ReadToEndAsync();
            var said = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            Assert.True(process.ExitCode == 0, $"ended with {process.ExitCode}: {First(await errors)}");
            Assert.Equal("CallStackExhausted", said.TrimEnd());
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The child: says how the deepest call ended.</summary>
    public static int Serve(string[] args)
    {
        var module = TestEngine.CompileManaged(File.ReadAllBytes(args[0]));
        var outcome = "";
        TestEngine.OnThread(StackBytes, () =>
        {
            for (var depth = 0; depth <= MaxDepth; depth += DepthStep) outcome = Run(module, depth);
        });
        Console.WriteLine(outcome);
        return 0;
    }

    private static string Run(ManagedModule module, int depth)
    {
        using var instance = module.Instantiate([], TestEngine.Limits with { MaxCallDepth = int.MaxValue });
        try
        {
            instance.Call("run", depth);
            return "Completed";
        }
        catch (WasmTrapException trap)
        {
            return trap.Message;
        }
    }

    private static string First(string text) => text.Length <= 500 ? text : text[..500];
}
