using AgentRuntime.Sandboxes.Core;

namespace AgentRuntime.Conformance.Wasm.Engines;

/// <summary>An engine as the scripts need it: modules that link to one another, which no agent's do.</summary>
internal interface IScriptEngine
{
    /// <summary>Whether it tells what breaks the format from what does not validate.</summary>
    bool TellsMalformedFromInvalid { get; }

    /// <summary>A world of instances, one a script.</summary>
    IScriptWorld NewWorld();

    /// <summary>Compiles and forgets.</summary>
    /// <exception cref="WasmModuleException">Malformed or invalid.</exception>
    void Compile(byte[] wasm);
}

/// <summary>Instances that may share tables, memories and globals.</summary>
internal interface IScriptWorld : IDisposable
{
    /// <summary>Links by name; the module <c>spectest</c> is there.</summary>
    /// <param name="wasm">The module.</param>
    /// <param name="registered">Finds an instance by the name that it was registered under.</param>
    IScriptInstance Instantiate(byte[] wasm, Func<string, IScriptInstance?> registered);
}

/// <summary>An instance, which may be called again after a trap.</summary>
internal interface IScriptInstance
{
    /// <summary>Calls an export.</summary>
    WasmValue[] Invoke(string field, WasmValue[] arguments);

    /// <summary>Reads a global.</summary>
    WasmValue Read(string field);
}

/// <summary>Limits under which scripts run: more than any of them needs.</summary>
internal static class ScriptLimits
{
    public static readonly InstanceLimits Instance =
        new(256 << 20, 20_000_000, 10_000, TimeSpan.FromSeconds(60), null);

    public static readonly CompileLimits Compile = new() { MaxTime = TimeSpan.FromSeconds(60) };
}
