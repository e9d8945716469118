using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Gateway.Tests;

/// <summary>A python3-zmq process that publishes KV events as vLLM does.</summary>
internal sealed class KvPublisher : IAsyncDisposable
{
    private const string Python = "/usr/bin/python3";
    private readonly Process _process;

    private KvPublisher(Process process) => _process = process;

    public KvEventEndpoints Endpoints { get; private set; } = null!;

    /// <summary>Whether the peer's packages are installed.</summary>
    public static bool Available { get; } = HasPackages();

    public static async Task<KvPublisher> StartAsync(bool replay = true)
    {
        var process = Process.Start(new ProcessStartInfo(
            Python, [Path.Combine(Repository.Root, "tests", "peers", "kv-events", "publisher.py")])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false,
        })!;
        var publisher = new KvPublisher(process);
        var ports = await publisher.ReadAsync();
        publisher.Endpoints = new(
            new Uri($"tcp://127.0.0.1:{ports["publisher"]}"),
            replay ? new Uri($"tcp://127.0.0.1:{ports["replay"]}") : null);
        return publisher;
    }

    public static object Stored(
        ulong[] hashes,
        int[] tokens,
        string salt,
        ulong? parent = null,
        int blockTokens = 16,
        string? lora = null) => new
        {
            type = "BlockStored",
            block_hashes = hashes,
            parent_block_hash = parent,
            token_ids = tokens,
            block_size = blockTokens,
            lora_id = (int?)null,
            medium = "GPU",
            lora_name = lora,
            extra_keys = (object?[])[.. hashes.Select((_, i) => Keys(lora, i == 0 && parent is null ? salt : null))],
        };

    // As vLLM has them: the adapter first, null for none at all.
    private static string[]? Keys(string? lora, string? salt) =>
        lora is null && salt is null ? null : [.. new[] { lora, salt }.OfType<string>()];

    public static object Removed(params ulong[] hashes) =>
        new { type = "BlockRemoved", block_hashes = hashes, medium = "GPU" };

    public Task PublishAsync(object @event, string encoding = "map", bool drop = false, bool keep = true) =>
        TellAsync(new { op = "batch", events = new[] { @event }, encoding, drop, keep }, "sequence");

    public Task PublishRawAsync(string hex) => TellAsync(new { op = "batch", raw = hex }, "sequence");

    public Task RewindAsync() => TellAsync(new { op = "rewind" }, "restarted");

    public Task RestartAsync() => TellAsync(new { op = "restart" }, "restarted");

    /// <summary>Waits until somebody has subscribed: what is published before is lost without a replay.</summary>
    public Task SubscribedAsync() => ReadUntilAsync("subscribed");

    /// <summary>SIGKILL.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private async Task TellAsync(object command, string answer)
    {
        await _process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(command));
        await _process.StandardInput.FlushAsync();
        await ReadUntilAsync(answer);
    }

    private async Task ReadUntilAsync(string name)
    {
        while ((await ReadAsync())[name] is null)
        {
            // A subscriber may arrive at any time.
        }
    }

    private async Task<JsonNode> ReadAsync()
    {
        using var patience = new CancellationTokenSource(Eventually.Patience, TimeProvider.System);
        return JsonNode.Parse(await _process.StandardOutput.ReadLineAsync(patience.Token)
            ?? throw new InvalidOperationException("the publisher ended"))!;
    }

    private static bool HasPackages()
    {
        try
        {
            using var probe = Process.Start(new ProcessStartInfo(Python, ["-c", "import zmq, msgpack"])
            {
                RedirectStandardError = true, UseShellExecute = false,
            })!;
            probe.WaitForExit();
            return probe.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
