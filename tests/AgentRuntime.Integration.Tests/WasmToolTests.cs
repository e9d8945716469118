using System.Security.Cryptography;
using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Sdk;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>A tool that is a module: deployed, named in the bundle by its digest, and called like any tool.</summary>
public sealed class WasmToolTests : IAsyncLifetime
{
    private const string Script =
        "async function run(input) { return await agent.call('bank/iban', { iban: input }); }";

    private static readonly string Guests = Path.Combine(Repository.Root, "sandboxes", "guests");

    private readonly RunningPlatform _platform = new();

    public Task InitializeAsync() => _platform.InitializeAsync();

    public Task DisposeAsync() => _platform.DisposeAsync();

    [Fact]
    public async Task A_tool_in_Wasm_is_registered_in_a_bundle_and_called_like_any_tool()
    {
        using var client = _platform.Client();
        var tool = await File.ReadAllBytesAsync(Path.Combine(Guests, "dist", "iban.wasm"));
        await DeployAsync(client, "demo/iban", tool);
        var applied = await client.ApplyPolicyAsync(Bundle(tool), dryRun: false, CancellationToken.None);
        Assert.Empty(applied.Problems);
        await DeployAsync(client, "demo/teller", Teller());

        var run = await client.Runs.RunToEndAsync(
            "demo/teller", "DE89 3704 0044 0532 0130 00", null, CancellationToken.None);

        Assert.Equal(("succeeded", null), (run.Status, run.Error));
        Assert.Contains("\"valid\":true", run.Output!.Replace("\\", "", StringComparison.Ordinal),
            StringComparison.Ordinal);
    }

    /// <summary>
    /// Deploys a module: again where compiling it took longer than it may, as it can on a machine that is busy or stood
    /// still.
    /// </summary>
    private static async Task DeployAsync(AgentRuntimeClient client, string agent, byte[] module)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        while (true)
        {
            try
            {
                await client.Agents.DeployAsync(agent, module, patience.Token);
                return;
            }
            catch (RuntimeErrorException e) when (
                e.Error.Code == ReasonCodes.ModuleTooLarge
                && e.Error.Message.Contains("took longer", StringComparison.Ordinal)
                && !patience.IsCancellationRequested)
            {
                // What it took is no matter of this test.
            }
        }
    }

    private static Dictionary<string, string> Bundle(byte[] tool)
    {
        var files = DemoBundle.Files();
        var digest = Convert.ToHexStringLower(SHA256.HashData(tool));
        files["bundle.yaml"] += $"\n  bank:\n    url: wasm:{digest}\n";
        // A bundle's pins are written as MCP servers describe tools.
        files["tools/bank.json"] = "[" + File.ReadAllText(Path.Combine(Guests, "rust", "iban", "tool.json"))
            .Replace("input_schema", "inputSchema", StringComparison.Ordinal) + "]";
        files["agents/teller.yaml"] = """
            agents:
              demo/teller:
                description: Asks a tool that is a module.
                model: demo
                limits: {memory: 64MiB, cpu_time: 20s}
                tools: [bank/iban]
            """;
        return files;
    }

    private static byte[] Teller()
    {
        var engine = File.ReadAllBytes(Path.Combine(Guests, "templates", "javascript", "engine.wasm"));
        var name = "agentruntime:config/script"u8;
        byte[] content = [.. Leb(name.Length), .. name, .. Encoding.UTF8.GetBytes(Script)];
        return [.. engine, 0, .. Leb(content.Length), .. content];
    }

    private static byte[] Leb(int value) =>
        value < 0x80 ? [(byte)value] : [(byte)((value & 0x7F) | 0x80), .. Leb(value >> 7)];
}
