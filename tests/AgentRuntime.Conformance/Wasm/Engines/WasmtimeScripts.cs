using System.Text;
using AgentRuntime.Conformance.Wasm.Text;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime;
using AgentRuntime.Sandboxes.Wasmtime.Scripts;

namespace AgentRuntime.Conformance.Wasm.Engines;

/// <summary>The Wasmtime engine under scripts.</summary>
internal sealed class WasmtimeScripts(WasmtimeEngine engine) : IScriptEngine
{
    // The same module as SpecTestModule, as one that the engine can load.
    private static readonly byte[] SpecTest = TextModule.Encode(TextNode.Parse(Encoding.UTF8.GetBytes("""
        (func (export "print"))
        (func (export "print_i32") (param i32))
        (func (export "print_i64") (param i64))
        (func (export "print_f32") (param f32))
        (func (export "print_f64") (param f64))
        (func (export "print_i32_f32") (param i32 f32))
        (func (export "print_f64_f64") (param f64 f64))
        (global (export "global_i32") i32 (i32.const 666))
        (global (export "global_i64") i64 (i64.const 666))
        (global (export "global_f32") f32 (f32.const 666.6))
        (global (export "global_f64") f64 (f64.const 666.6))
        (table (export "table") 10 20 funcref)
        (memory (export "memory") 1 2)
        """)));

    public bool TellsMalformedFromInvalid => false;

    public IScriptWorld NewWorld() => new World(engine);

    public void Compile(byte[] wasm) => engine.CompileUnpooled(wasm, ScriptLimits.Compile).Dispose();

    private sealed class World : IScriptWorld
    {
        private readonly ScriptStore _store;
        private readonly ScriptInstance _spectest;

        public World(WasmtimeEngine engine)
        {
            _store = new ScriptStore(engine, ScriptLimits.Compile, ScriptLimits.Instance);
            _spectest = _store.Instantiate(SpecTest, static _ => null);
        }

        public IScriptInstance Instantiate(byte[] wasm, Func<string, IScriptInstance?> registered) =>
            new Linked(_store.Instantiate(wasm, import => import.Module == "spectest" ? (_spectest, import.Name)
                : registered(import.Module) is Linked from ? (from.Instance, import.Name)
                : null));

        public void Dispose() => _store.Dispose();
    }

    private sealed record Linked(ScriptInstance Instance) : IScriptInstance
    {
        public WasmValue[] Invoke(string field, WasmValue[] arguments) => Instance.Invoke(field, arguments);

        public WasmValue Read(string field) => Instance.Read(field);
    }
}
