using System.Diagnostics;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Wasmtime.Execution;
using AgentRuntime.Sandboxes.Wasmtime.Loading;
using AgentRuntime.Sandboxes.Wasmtime.Native;
using AgentRuntime.Sandboxes.Wasmtime.Signals;

namespace AgentRuntime.Sandboxes.Wasmtime.Compiling;

/// <summary>
/// The inside of a compiler process: reads one module from standard input, writes its code to standard output, and
/// ends. It bounds its own memory before it reads, and ends at once when its host does. Called once in a process.
/// </summary>
public static class CompilerWorker
{
    /// <summary>The first argument by which a program knows that it is to be a compiler.</summary>
    public const string Verb = "compile-module";

    private const int StackBytes = 16 << 20;

    /// <summary>Compiles, with the arguments that <see cref="CompilerProcess"/> gives, <see cref="Verb"/>
    /// first.</summary>
    /// <returns>The exit code; 0 too when the module was refused.</returns>
    public static int Run(string[] arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        try
        {
            var job = CompilerJob.Parse(arguments);
            Posix.LimitProcess(job.MaxMemoryBytes);
            var library = WasmtimeLibrary.Find(job.Library) ?? throw new InvalidOperationException("no library");
            // No pool: code is the same with one, and nothing runs here.
            var options = new WasmtimeEngineOptions
            {
                PooledInstances = 0, MaxGuestStackBytes = job.MaxGuestStackBytes, TrapsBySignals = job.TrapsBySignals,
            };
            var engine = NativeEngine.Get(library, options, new EngineFlavour(job.Metered, Pooled: false));
            using var input = Console.OpenStandardInput();
            using var output = Console.OpenStandardOutput();
            output.WriteByte((byte)CompilerAnswer.Ready);
            output.Flush();
            var wasm = CompilerWire.Read(input, WireBounds.ModuleBytes)
                ?? throw new InvalidOperationException("the module is too large");
            EndWithHost(input);
            OnLargeStack(() => Answer(engine, wasm, output));
            return 0;
        }
        catch (Exception e)
            when (e is RuntimeErrorException or InvalidOperationException or FormatException or IOException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static unsafe void Answer(NativeEngine engine, byte[] wasm, Stream output)
    {
        nint module, error;
        fixed (byte* bytes = wasm) error = Api.ModuleNew(engine.Handle, bytes, (nuint)wasm.Length, &module);
        if (error == 0)
        {
            using var handle = new CodeHandle(module);
            NativeVector code;
            error = Api.ModuleSerialize(handle, &code);
            if (error == 0)
            {
                output.WriteByte((byte)CompilerAnswer.Code);
                CompilerWire.Write(output, new ReadOnlySpan<byte>(code.Data, checked((int)code.Size)));
                return;
            }
        }

        output.WriteByte((byte)CompilerAnswer.Refused);
        CompilerWire.Write(output, Encoding.UTF8.GetBytes(TrapTranslation.TakeError(error)));
    }

    private static void OnLargeStack(Action work)
    {
        var thread = new Thread(() => work(), StackBytes) { Name = "wasmtime compiler" };
        thread.Start();
        thread.Join();
    }

    // Nothing more comes: the next that is read is the end, of the host or of its interest.
    private static void EndWithHost(Stream input) => new Thread(() =>
    {
        input.ReadByte();
        Process.GetCurrentProcess().Kill();
    })
    { IsBackground = true, Name = "host watch" }.Start();
}
