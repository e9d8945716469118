namespace AgentRuntime.Sandboxes.Wasmtime.Tests;

/// <summary>Modules of the tests, assembled by wabt from the text above each.</summary>
internal static class GuestModules
{
    // (module
    //   (import "host" "f" (func $f (param i32) (result i32)))
    //   (memory (export "memory") 1 8)
    //   (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    //   (func $run (export "run") (param i32) (result i32) local.get 0 call $f)
    //   (func (export "load") (param i32) (result i32) local.get 0 i32.load)
    //   (func (export "store") (param i32 i32) local.get 0 local.get 1 i32.store)
    //   (func (export "times") (param i32) (result i32) (local i32)
    //     loop local.get 1 call $f local.set 1 local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end local.get 1)
    //   (func $recurse (export "recurse") (result i32) call $recurse i32.const 1 i32.add)
    //   (func (export "spin") loop br 0 end)
    //   (func (export "divide") (param i32 i32) (result i32) local.get 0 local.get 1 i32.div_s)
    //   (func (export "grow") (param i32) (result i32) local.get 0 memory.grow))
    public static readonly byte[] Guest = Convert.FromBase64String("""
        AGFzbQEAAAABGAVgAX8Bf2ACf38Bf2ACf38AYAABf2AAAAIKAQRob3N0AWYAAAMKCQEAAAIAAwQBAAUEAQEBCAdOCgZtZW1v
        cnkCAANhZGQAAQNydW4AAgRsb2FkAAMFc3RvcmUABAV0aW1lcwAFB3JlY3Vyc2UABgRzcGluAAcGZGl2aWRlAAgEZ3JvdwAJ
        CloJBwAgACABagsGACAAEAALBwAgACgCAAsJACAAIAE2AgALGAEBfwNAIAEQACEBIABBAWsiAA0ACyABCwcAEAZBAWoLBwAD
        QAwACwsHACAAIAFtCwYAIABAAAs=
        """);

    // (module
    //   (import "host" "f" (func $f (param i32) (result i32)))
    //   (memory (export "memory") 1 8)
    //   (data (i32.const 16) "start")
    //   (global $g (mut i32) (i32.const 0))
    //   (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add)
    //   (func (export "run") (param i32) (result i32) local.get 0 call $f global.get $g i32.add)
    //   (func $start (local i32)
    //     i32.const 20000000 local.set 0
    //     loop local.get 0 i32.const 1 i32.sub local.tee 0 br_if 0 end
    //     i32.const 5 call $f global.set $g)
    //   (start $start))
    public static readonly byte[] CallsFromStart = Convert.FromBase64String("""
        AGFzbQEAAAABDwNgAX8Bf2ACf38Bf2AAAAIKAQRob3N0AWYAAAMEAwEAAgUEAQEBCAYGAX8BQQALBxYDBm1lbW9yeQIAA2FkZAAB
        A3J1bgACCAEDCjEDBwAgACABagsJACAAEAAjAGoLHQEBf0GA2sQJIQADQCAAQQFrIgANAAtBBRAAJAALCwsBAEEQCwVzdGFydA==
        """);

    // (module
    //   (import "host" "f" (func (param i32) (result i32)))
    //   (import "host" "f" (func (param i32) (result i32)))
    //   (func (export "first") (param i32) (result i32) local.get 0 call 0)
    //   (func (export "second") (param i32) (result i32) local.get 0 call 1))
    public static readonly byte[] ImportsTwice = Convert.FromBase64String("""
        AGFzbQEAAAABBgFgAX8BfwITAgRob3N0AWYAAARob3N0AWYAAAMDAgAABxICBWZpcnN0AAIGc2Vjb25kAAMKDwIGACAAEAALBgAg
        ABABCw==
        """);
}
