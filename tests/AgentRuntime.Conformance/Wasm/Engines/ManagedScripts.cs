using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Runtime;

namespace AgentRuntime.Conformance.Wasm.Engines;

/// <summary>The Managed engine under scripts.</summary>
internal sealed class ManagedScripts : IScriptEngine
{
    private readonly ManagedWasmEngine _engine = new();

    public bool TellsMalformedFromInvalid => true;

    public IScriptWorld NewWorld() => new World(_engine);

    public void Compile(byte[] wasm) => _engine.Compile(wasm, ScriptLimits.Compile, CancellationToken.None);

    private sealed class World(ManagedWasmEngine engine) : IScriptWorld
    {
        private readonly Dictionary<string, object> _spectest = SpecTestModule.Create();
        private readonly ValueBuffer _buffer = new();

        public IScriptInstance Instantiate(byte[] wasm, Func<string, IScriptInstance?> registered)
        {
            var module = (ManagedModule)engine.Compile(wasm, ScriptLimits.Compile, CancellationToken.None);
            var imports = new object[module.Imports.Count];
            for (var i = 0; i < imports.Length; i++)
            {
                var import = module.Imports[i];
                object? found = null;
                if (import.Module == "spectest") found = _spectest.GetValueOrDefault(import.Name);
                else if (registered(import.Module) is Linked from)
                    found = from.Module.ExportOf(from.Instance, import.Name);
                imports[i] = found ?? throw new WasmLinkException($"unknown import: {import.Module}.{import.Name}");
            }

            return new Linked(module, module.Link(imports, _buffer, ScriptLimits.Instance));
        }

        public void Dispose()
        {
        }
    }

    private sealed record Linked(ManagedModule Module, ManagedInstance Instance) : IScriptInstance
    {
        public WasmValue[] Invoke(string field, WasmValue[] arguments)
        {
            var type = Module.Exports.FirstOrDefault(e => e.Name == field)?.Function;
            var results = new WasmValue[type?.Results.Length ?? 0];
            try
            {
                Instance.Call(field, arguments, results);
            }
            catch (WasmTrapException)
            {
                // The script goes on calling an instance that trapped, which the platform forbids.
                Instance.ForgetFailure();
                throw;
            }

            return results;
        }

        public WasmValue Read(string field) =>
            WasmValue.FromI64(((WasmGlobal)Module.ExportOf(Instance, field)!).Bits);
    }
}
