using AgentRuntime.Abstractions;

namespace AgentRuntime.Sandboxes.Wasmtime.Compiling;

/// <summary>
/// Starts compiler processes, one for each module, and where the program says so the next one ahead: it waits, ready,
/// without having seen any module, so that small modules need not wait for the start of a process. Thread-safe.
/// Disposing ends the one that waits.
/// </summary>
internal sealed class CompilerProcesses(CompilerProgram program) : IDisposable
{
    private readonly Lock _lock = new();
    private Ahead? _ahead;
    private bool _disposed;

    /// <summary>Bytes of memory that one compilation may take.</summary>
    public long MaxMemoryBytes => program.MaxMemoryBytes;

    /// <summary>The serialized code of a module.</summary>
    /// <inheritdoc cref="CompilerProcess.Compile"/>
    public byte[] Compile(CompilerJob job, byte[] wasm, TimeSpan limit)
    {
        try
        {
            using var compiler = TakeAhead(job) ?? CompilerProcess.Start(program, job);
            return compiler.Compile(wasm, limit);
        }
        finally
        {
            // Code with fuel is for few: the next module is compiled without first.
            if (program.KeepsReady && !job.Metered) StartAhead(job);
        }
    }

    public void Dispose()
    {
        Ahead? ahead;
        lock (_lock)
        {
            (ahead, _ahead) = (_ahead, null);
            _disposed = true;
        }

        ahead?.Process.Dispose();
    }

    private CompilerProcess? TakeAhead(CompilerJob job)
    {
        CompilerProcess process;
        lock (_lock)
        {
            if (_ahead is null || _ahead.Job != job) return null;
            (process, _ahead) = (_ahead.Process, null);
        }

        // The machine may have ended it, for want of memory.
        if (process.IsAlive) return process;
        process.Dispose();
        return null;
    }

    private void StartAhead(CompilerJob job)
    {
        lock (_lock)
        {
            if (_disposed || _ahead is not null) return;
            try
            {
                _ahead = new Ahead(job, CompilerProcess.Start(program, job));
            }
            catch (RuntimeErrorException)
            {
                // Who needs one is told.
            }
        }
    }

    private sealed record Ahead(CompilerJob Job, CompilerProcess Process);
}
