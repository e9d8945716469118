using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Running;

/// <summary>What reading of settings and memory costs the host.</summary>
public sealed class GuestSettingsTests
{
    private static readonly WasmValueType I32 = WasmValueType.I32;

    private static readonly IReadOnlyList<WasmImport> Imports =
    [
        Wasi("environ_sizes_get", I32, I32), Wasi("environ_get", I32, I32), Wasi("fd_write", I32, I32, I32, I32),
    ];

    private static WasmImport Wasi(string name, params WasmValueType[] parameters) =>
        new("wasi_snapshot_preview1", name, ExternKind.Function, new FunctionType(parameters, [I32]));

    private static async Task<SandboxStep> RunAsync(
        Func<ScriptedInstance, int> script, Dictionary<string, string>? settings = null, SandboxLimits? limits = null)
    {
        var core = new ScriptedEngine(suspends: true) { Module = new ScriptedModule(script) { Imports = Imports } };
        using var engine = new WasmSandboxEngine(core, new(), TimeProvider.System);
        var module = await engine.CompileAsync(ScriptedEngine.Bytes(), default);
        await using var sandbox = module.Instantiate(
            limits ?? new(), new RecordedLog(), settings ?? new Dictionary<string, string>(StringComparer.Ordinal));
        return await sandbox.StartAsync("", default);
    }

    [Fact]
    public async Task The_environment_is_the_settings_and_is_encoded_once()
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["first"] = "é", ["long"] = new string('x', 100_000),
        };

        var step = await RunAsync(
            static guest =>
            {
                var sizes = guest.Bump(8);
                var pointers = guest.Bump(8);
                guest.Import(0, (int)sizes, (int)sizes + 4);
                var text = guest.Bump(guest.Load(sizes + 4));
                guest.Import(1, (int)pointers, (int)text);
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 100; i++)
                {
                    guest.Import(0, (int)sizes, (int)sizes + 4);
                    guest.Import(1, (int)pointers, (int)text);
                }

                var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                var first = Encoding.UTF8.GetString(guest.Slice(guest.Load(pointers), 9));
                var second = Encoding.UTF8.GetString(guest.Slice(guest.Load(pointers + 4), 6));
                return guest.Ok($"{guest.Load(sizes)} {guest.Load(sizes + 4)} {first}{second} {allocated < 200_000}");
            },
            settings);

        Assert.Equal(new SandboxStep.Finished("2 100015 first=é\0long=x True"), step);
    }

    [Fact]
    public async Task A_modules_own_settings_are_encoded_once_for_all_its_guests()
    {
        var core = new ScriptedEngine(suspends: true)
        {
            Module = new ScriptedModule(static guest =>
            {
                var sizes = guest.Bump(8);
                var before = GC.GetAllocatedBytesForCurrentThread();
                guest.Import(0, (int)sizes, (int)sizes + 4);
                return guest.Ok($"{GC.GetAllocatedBytesForCurrentThread() - before > 50_000}");
            }) { Imports = Imports },
        };
        using var engine = new WasmSandboxEngine(core, new(), TimeProvider.System);
        var module = await engine.CompileAsync(
            Wasm.WithSetting(ScriptedEngine.Bytes(), "script", new string('x', 100_000)), default);

        await using var first = module.Instantiate(new(), new RecordedLog());
        await using var second = module.Instantiate(new(), new RecordedLog());

        Assert.Equal(new SandboxStep.Finished("True"), await first.StartAsync("", default));
        Assert.Equal(new SandboxStep.Finished("False"), await second.StartAsync("", default));
    }

    [Fact]
    public async Task Settings_of_more_bytes_than_may_cross_are_refused()
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["script"] = new('x', 88) };
        var limits = new SandboxLimits { MaxStringBytes = new(100) };
        Assert.IsType<SandboxStep.Finished>(await RunAsync(static guest => guest.Ok("fits"), settings, limits));
        settings["a"] = "b";

        var refused = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
            await RunAsync(static guest => guest.Ok("too large"), settings, limits));

        Assert.Equal(ReasonCodes.OutputLimit, refused.Error.Code);
        Assert.Contains("108 bytes", refused.Error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_guest_prints_is_looked_at_and_not_opened_for_writing()
    {
        var step = await RunAsync(static guest =>
        {
            var vector = guest.Bump(8);
            BitConverter.TryWriteBytes(guest.Slice(vector, 4), 0);
            BitConverter.TryWriteBytes(guest.Slice(vector + 4, 4), (int)guest.LengthBytes);
            var written = guest.Bump(4);
            var before = guest.WritableBytes;
            for (var i = 0; i < 10; i++) guest.Import(2, 1, (int)vector, 1, (int)written);
            return guest.Ok($"{guest.WritableBytes - before}");
        });

        Assert.Equal(new SandboxStep.Finished("40"), step);
    }
}
