using AgentRuntime.Abstractions;
using AgentRuntime.Host.Configuration;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed;
using AgentRuntime.Sandboxes.Wasmtime;
using AgentRuntime.Sandboxes.Wasmtime.Compiling;
using AgentRuntime.Sandboxes.Wasmtime.Loading;

namespace AgentRuntime.Host.Composition;

/// <summary>Which WebAssembly engine runs the guests, by <c>sandbox.engine</c>. Stateless.</summary>
internal static partial class SandboxEngines
{
    /// <summary>Makes the engine, and says in the log which one it is.</summary>
    /// <exception cref="RuntimeErrorException">AR3018: the library that was asked for cannot be used.</exception>
    public static IWasmEngine Create(SandboxOptions options, ILogger logger)
    {
        if (options.Engine == "managed") return Managed(logger, "it was chosen");
        var named = options.Engine == "wasmtime" || options.Library is not null
            || !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(WasmtimeLibrary.EnvironmentVariable));
        try
        {
            if (WasmtimeLibrary.Find(options.Library) is { } library)
            {
                var engine = new WasmtimeEngine(library, new WasmtimeEngineOptions())
                {
                    Compiler = new CompilerProgram(OwnProgram.File, OwnProgram.Arguments) { KeepsReady = true },
                };
                LogWasmtime(logger, engine.Version, library.Path);
                return engine;
            }
        }
        catch (RuntimeErrorException e) when (!named)
        {
            // One that happens to be installed and is of no use is as good as none.
            return Managed(logger, e.Error.Message);
        }

        if (!named) return Managed(logger, "no libwasmtime is installed");
        throw new RuntimeErrorException(new RuntimeError(
            ReasonCodes.SandboxLibrary,
            "sandbox.engine is wasmtime, but no libwasmtime was found.",
            Action: $"Name one with sandbox.library or {WasmtimeLibrary.EnvironmentVariable}, or choose auto."));
    }

    private static ManagedWasmEngine Managed(ILogger logger, string why)
    {
        LogManaged(logger, why);
        return new ManagedWasmEngine();
    }

    [LoggerMessage(8110, LogLevel.Information, "Guests run on Wasmtime {Version} from {Path}")]
    private static partial void LogWasmtime(ILogger logger, string version, string path);

    [LoggerMessage(8111, LogLevel.Information, "Guests run on the managed engine: {Why}")]
    private static partial void LogManaged(ILogger logger, string why);
}
