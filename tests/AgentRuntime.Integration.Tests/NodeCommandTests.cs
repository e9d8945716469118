using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Integration.Tests.Processes;

namespace AgentRuntime.Integration.Tests;

/// <summary><c>agentruntime node</c> as a process, simulated.</summary>
public sealed class NodeCommandTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData("/dev/zero", "it has more than 16384 bytes")]
    [InlineData("/dev/null", "it is not one line of printable ASCII")]
    [InlineData("/etc/passwd", "it is not one line of printable ASCII")]
    [InlineData("/etc", "denied")]
    public async Task A_join_secret_that_is_none_is_refused(string file, string told)
    {
        if (!OperatingSystem.IsLinux()) return;
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet",
            [Programs.Platform, "node", "--simulate", "--register", "http://127.0.0.1:9", "--register-key-file", file],
            // What reads without an end is to fail soon.
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x10000000" });

        Assert.Equal(1, exit);
        Assert.Contains("error AR8008: cannot read the secret", output, StringComparison.Ordinal);
        Assert.Contains(told, output, StringComparison.Ordinal);
        Assert.Contains(file, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--config", "/dev/zero", "AR8008: cannot read the configuration: it has more than")]
    public async Task A_configuration_without_an_end_is_refused(string option, string file, string told)
    {
        if (!OperatingSystem.IsLinux()) return;
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "all", option, file],
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "0x10000000" });

        Assert.Equal(1, exit);
        Assert.Contains($"error {told}", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://10.0.0.8")]
    [InlineData("10.0.0.8:8000")]
    [InlineData("")]
    public async Task A_peer_that_is_no_host_is_refused(string peer)
    {
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "node", "--simulate", "--kv-peer", "10.0.0.9", "--kv-peer", peer]);

        Assert.Equal(2, exit);
        Assert.Contains("error AR8006: --kv-peer: ", output, StringComparison.Ordinal);
        Assert.Contains($"'{peer}' is neither an IP address nor a host name", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("transferred")]
    [InlineData("transferred", "192.0.2.1", "127.0.0.1")]
    [InlineData("recomputed", "192.0.2.1", "peer.invalid")]
    public async Task Peers_are_those_that_the_command_line_names(string outcome, params string[] peers)
    {
        var (prefill, from) = await StartAsync();
        await using var prefillOwned = prefill;
        var (decode, to) = await StartAsync([.. peers.SelectMany(peer => (string[])["--kv-peer", peer])]);
        await using var decodeOwned = decode;

        var read = await PostAsync(from, new() { ["do_remote_decode"] = true });
        var written = await PostAsync(to, read["kv_transfer_params"]!.DeepClone().AsObject());

        Assert.Equal(outcome, (string?)written["x_agentruntime"]!["kv_transfer"]!["outcome"]);
    }

    [Fact]
    public async Task A_node_that_cannot_write_its_log_joins_all_the_same()
    {
        if (!OperatingSystem.IsLinux()) return;
        await using var edge = StubEdge.Start(refusals: 3);
        var key = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(key, "a join secret of this test");
            var (process, _) = await ChildProcess.StartServerAsync(
                "sh",
                [
                    "-c", "exec \"$@\" 2>/dev/full", "sh", "dotnet", Programs.Platform, "node", "--simulate",
                    "--register", edge.Address.ToString(), "--register-key-file", key,
                ]);
            await using var owned = process;
            await edge.Joined.WaitAsync(Patience);
            await process.TerminateAsync();
            await process.Exited.WaitAsync(Patience);

            Assert.Equal(0, process.ExitCode);
            Assert.True(edge.Left);
        }
        finally
        {
            File.Delete(key);
        }
    }

    private static Task<(ChildProcess Process, Uri Address)> StartAsync(params string[] more) =>
        ChildProcess.StartServerAsync("dotnet", [Programs.Platform, "node", "--simulate", "--speed", "1000", .. more]);

    private static async Task<JsonNode> PostAsync(Uri node, JsonObject transfer)
    {
        using var http = new HttpClient { BaseAddress = node };
        using var response = await http.PostAsJsonAsync("/v1/completions", new JsonObject
        {
            ["prompt"] = string.Concat(Enumerable.Repeat("a stone in the river ", 20)), ["max_tokens"] = 1,
            ["kv_transfer_params"] = transfer,
        });
        return JsonNode.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync())!;
    }
}
