using System.Diagnostics;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Loading;

namespace AgentRuntime.Sandboxes.Wasmtime.Compiling;

/// <summary>
/// One compilation in a process of its own, seen from the host: whatever the compiler does with a module, it is over
/// when the time is, and takes no more memory than it may. It may wait for its module. Used by one thread, once.
/// </summary>
internal sealed class CompilerProcess : IDisposable
{
    private const int MaxShownChars = 1_000;

    // All that the runtime and the loader need of the host's environment; the compiler needs nothing.
    private static readonly string[] Kept = ["DOTNET_ROOT", "DOTNET_ROOT_X64", "DOTNET_ROOT_ARM64", "LD_LIBRARY_PATH"];

    // One short life with one busy thread in native code, and nobody looks in.
    private static readonly (string Name, string Value)[] Set =
    [
        ("DOTNET_gcServer", "0"), ("DOTNET_gcConcurrent", "0"), ("DOTNET_TieredPGO", "0"),
        ("DOTNET_EnableDiagnostics", "0"),
    ];

    private readonly CompilerProgram _program;
    private readonly Process _process;
    private readonly Timer _bound;
    private volatile bool _isLate;

    private CompilerProcess(CompilerProgram program, Process process)
    {
        _program = program;
        _process = process;
        _bound = new Timer(static state => ((CompilerProcess)state!).End(), this, Never, Never);
    }

    private static TimeSpan Never => Timeout.InfiniteTimeSpan;

    /// <summary>Whether it waits still, as far as can be seen.</summary>
    public bool IsAlive => !_process.HasExited;

    /// <summary>The serialized code of a module.</summary>
    /// <exception cref="WasmModuleException">The compiler refuses it, or it took more than it may.</exception>
    /// <exception cref="RuntimeErrorException">AR8005: the process did not start; AR3014: not in time.</exception>
    public byte[] Compile(byte[] wasm, TimeSpan limit)
    {
        _bound.Change(_program.StartPatience, Never);
        AwaitReady();
        _bound.Change(limit, Never);
        return Ask(wasm)
            ?? throw TooLarge(_isLate
                ? $"compilation took longer than {limit}"
                : $"compilation failed, or took more than {_program.MaxMemoryBytes >> 20} MiB of memory");
    }

    public void Dispose()
    {
        _bound.Dispose();
        Kill();
        _process.WaitForExit();
        // The process leaves those open that somebody has asked it for.
        _process.StandardInput.BaseStream.Dispose();
        _process.StandardOutput.Dispose();
        _process.StandardError.Dispose();
        _process.Dispose();
    }

    /// <summary>Starts one, without waiting until it is ready.</summary>
    /// <exception cref="RuntimeErrorException">AR8005: it cannot be started.</exception>
    public static CompilerProcess Start(CompilerProgram program, CompilerJob job)
    {
        var info = new ProcessStartInfo(program.File)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = "/",
        };
        foreach (var argument in program.Arguments) info.ArgumentList.Add(argument);
        foreach (var argument in job.Arguments) info.ArgumentList.Add(argument);
        info.Environment.Clear();
        foreach (var name in Kept)
            if (Environment.GetEnvironmentVariable(name) is { } value) info.Environment[name] = value;
        foreach (var (name, value) in Set) info.Environment[name] = value;
        try
        {
            return new CompilerProcess(program, Process.Start(info)!);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw DidNotStart(e.Message, e);
        }
    }

    private void AwaitReady()
    {
        int first;
        try
        {
            first = _process.StandardOutput.BaseStream.ReadByte();
        }
        catch (IOException)
        {
            first = -1;
        }

        if (first == (int)CompilerAnswer.Ready) return;
        if (_isLate) throw Busy(_program.StartPatience);
        var said = _process.StandardError.ReadToEnd().Trim();
        throw DidNotStart(said.Length > MaxShownChars ? said[..MaxShownChars] : said);
    }

    /// <summary>Null where the process ended without an answer.</summary>
    private byte[]? Ask(byte[] wasm)
    {
        try
        {
            CompilerWire.Write(_process.StandardInput.BaseStream, wasm);
            var answers = _process.StandardOutput.BaseStream;
            var answer = answers.ReadByte();
            if (answer < 0) return null;
            var bytes = CompilerWire.Read(answers, _program.MaxCodeBytes)
                ?? throw TooLarge($"its code exceeds {_program.MaxCodeBytes} bytes");
            return answer == (int)CompilerAnswer.Code ? bytes : throw ModuleFaults.From(Encoding.UTF8.GetString(bytes));
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void End()
    {
        _isLate = true;
        Kill();
    }

    private void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It ended by itself, or has been disposed of.
        }
    }

    private static WasmModuleException TooLarge(string what) => new(ModuleFault.TooLarge, what, -1);

    private static RuntimeErrorException Busy(TimeSpan patience) => new(new RuntimeError(
        ReasonCodes.SandboxBusy,
        $"The compiler's process was not ready within {patience.TotalSeconds:F0} s.",
        Action: "Try again later.")
    { RetryAfter = patience });

    private static RuntimeErrorException DidNotStart(string why, Exception? cause = null) => new(
        new RuntimeError(
            ReasonCodes.ChildProcessFailed,
            $"The compiler's process did not start: {why}.",
            Action: "Look for what keeps the platform's program from being started again: memory, processes, rights."),
        cause);
}
