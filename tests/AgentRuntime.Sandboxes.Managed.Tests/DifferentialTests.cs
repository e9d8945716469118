using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using Xunit.Abstractions;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>
/// Random programs under this engine and under Node's V8: same result, same memory, same trap. The number of programs
/// is <c>AGENTRUNTIME_FUZZ_CASES</c>, the first seed <c>AGENTRUNTIME_FUZZ_SEED</c>.
/// </summary>
public sealed class DifferentialTests(ITestOutputHelper output)
{
    private const string Script = """
        const fs = require('node:fs');
        const [, , folder, count] = process.argv;
        const bits = v => { if (Number.isNaN(v)) return 'nan'; const b = Buffer.alloc(8); b.writeDoubleLE(v); return b.readBigUInt64LE().toString(); };
        const out = [];
        for (let i = 0; i < Number(count); i++) {
          const module = new WebAssembly.Module(fs.readFileSync(`${folder}/${i}.wasm`));
          const ask = q => (Math.imul(q, 31) + 7) | 0;
          const results = [];
          const { exports } = new WebAssembly.Instance(module, { host: { ask } });
          for (const f of [() => exports.run(i * 77, BigInt(i) * 1234567n).toString(), () => bits(exports.runf(i / 3))]) {
            try { results.push(f()); } catch (e) { results.push('trap ' + e.message); break; }
          }
          let hash = 0;
          for (const b of new Uint8Array(exports.memory.buffer)) hash = (Math.imul(hash, 31) + b) | 0;
          results.push(String(hash));
          out.push(results.join('|'));
        }
        console.log(JSON.stringify(out));
        """;

    [Fact]
    public async Task Random_programs_do_what_they_do_under_V8()
    {
        var count = Setting("AGENTRUNTIME_FUZZ_CASES", 400);
        var first = Setting("AGENTRUNTIME_FUZZ_SEED", 1_000);
        var folder = Directory.CreateTempSubdirectory("wasm-fuzz-");
        try
        {
            var programs = Enumerable.Range(0, count).Select(i => ProgramGenerator.Generate(first + i, asks: true)).ToArray();
            for (var i = 0; i < count; i++) await File.WriteAllBytesAsync(Path.Combine(folder.FullName, $"{i}.wasm"), programs[i]);
            var script = Path.Combine(folder.FullName, "run.js");
            await File.WriteAllTextAsync(script, Script);
            if (await NodeAsync(script, folder.FullName, count) is not { } expected) return;
            var traps = 0;
            for (var i = 0; i < count; i++)
            {
                var actual = Ours(programs[i], i);
                if (expected[i].Contains("trap", StringComparison.Ordinal)) traps++;
                Assert.True(Same(expected[i], actual), $"seed {first + i}: {actual}, V8 {expected[i]}");
            }

            output.WriteLine($"{count} programs, {traps} of them trap");
            Assert.InRange(traps, count / 50, count * 9 / 10);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : otherwise;

    private async Task<string[]?> NodeAsync(string script, string folder, int count)
    {
        try
        {
            using var node = Process.Start(new ProcessStartInfo("node", [script, folder, count.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardOutput = true,
                UseShellExecute = false,
            })!;
            var text = await node.StandardOutput.ReadToEndAsync();
            await node.WaitForExitAsync();
            return JsonSerializer.Deserialize<string[]>(text);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            output.WriteLine("skipped: no node to compare with");
            return null;
        }
    }

    private static string Ours(byte[] wasm, int i)
    {
        var host = new HostFunction(new FunctionType([I32], [I32]), false, static (_, arguments, results) =>
        {
            results[0] = WasmValue.FromI32((arguments[0].AsI32() * 31) + 7);
            return HostReturn.Completed;
        });
        using var instance = Compile(wasm).Instantiate([host], Limits);
        var results = new List<string>();
        try
        {
            var result = new WasmValue[1];
            instance.Call("run", [WasmValue.FromI32(i * 77), WasmValue.FromI64(i * 1234567L)], result);
            results.Add(result[0].AsI64().ToString(CultureInfo.InvariantCulture));
            instance.Call("runf", [WasmValue.FromF64(i / 3.0)], result);
            results.Add(double.IsNaN(result[0].AsF64()) ? "nan" : ((ulong)result[0].AsI64()).ToString(CultureInfo.InvariantCulture));
        }
        catch (WasmTrapException trap)
        {
            results.Add("trap " + trap.Kind);
        }

        var hash = 0;
        foreach (var b in instance.Memory!.Slice(0, (uint)instance.Memory.LengthBytes)) hash = (hash * 31) + b;
        results.Add(hash.ToString(CultureInfo.InvariantCulture));
        return string.Join('|', results);
    }

    private static bool Same(string v8, string ours)
    {
        var (a, b) = (v8.Split('|'), ours.Split('|'));
        return a.Length == b.Length && a.Zip(b).All(p => p.First == p.Second
            || (p.First.StartsWith("trap", StringComparison.Ordinal) && Kinds.Contains((p.First[5..], p.Second[5..]))));
    }

    private static readonly HashSet<(string V8, string Ours)> Kinds =
    [
        ("memory access out of bounds", nameof(TrapKind.MemoryOutOfBounds)), ("divide by zero", nameof(TrapKind.IntegerDivideByZero)),
        ("remainder by zero", nameof(TrapKind.IntegerDivideByZero)), ("divide result unrepresentable", nameof(TrapKind.IntegerOverflow)),
        ("float unrepresentable in integer range", nameof(TrapKind.IntegerOverflow)),
        ("float unrepresentable in integer range", nameof(TrapKind.InvalidConversion)),
        ("table index is out of bounds", nameof(TrapKind.TableOutOfBounds)),
        ("null function or function signature mismatch", nameof(TrapKind.UninitializedElement)),
        ("null function or function signature mismatch", nameof(TrapKind.IndirectCallTypeMismatch)),
    ];
}
