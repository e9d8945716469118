using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Transfer;

public sealed class DisaggregationTests
{
    /// <summary>All that ends a transfer; a slow peer does not.</summary>
    public static TheoryData<PeerFault> Faults() => [.. Enum.GetValues<PeerFault>().Where(f => f != PeerFault.Slow)];

    [Fact]
    public async Task Prefill_on_one_node_and_decode_on_another_gives_the_colocated_answer()
    {
        await using var prefill = await DemoNode.StartAsync(o => o with { Role = NodeRole.Prefill });
        await using var decode = await DemoNode.StartAsync(o => o with { Role = NodeRole.Decode });
        await using var colocated = await DemoNode.StartAsync();
        // Long enough for several segments and several chunks.
        var body = DemoNode.Chat(DemoNode.LongText(400), 48);
        var (_, expected) = await DemoNode.PostAsync(colocated, "/v1/chat/completions", body);

        var transfer = await PrefillAsync(prefill, body);
        Assert.Equal(prefill.Address.Port, (int)transfer["remote_port"]!);
        Assert.True((bool)transfer["do_remote_prefill"]!);
        Assert.Equal(1, prefill.Service.Leases.Count);

        var (status, actual) = await DecodeAsync(decode, body, transfer);
        Assert.Equal(200, status);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(actual));
        var report = actual["x_agentruntime"]!["kv_transfer"]!;
        Assert.Equal("transferred", (string?)report["outcome"]);
        Assert.Equal((int)actual["usage"]!["prompt_tokens"]! - 1, (int)report["tokens"]!);
        Assert.True((long)actual["usage"]!["kv_transfer_bytes"]! > 100_000);
        Assert.Equal(0, prefill.Service.Leases.Count);
    }

    [Fact]
    public async Task What_was_transferred_can_be_reused_where_it_went()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync();
        var body = DemoNode.Chat(DemoNode.LongText(100), 4);
        await DecodeAsync(decode, body, await PrefillAsync(prefill, body));

        var (_, again) = await DemoNode.PostAsync(decode, "/v1/chat/completions", body);
        Assert.True((int)again["usage"]!["prompt_tokens_details"]!["cached_tokens"]! >= 96);
    }

    [Fact]
    public async Task An_unknown_transfer_is_recomputed_and_said()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync();
        var body = DemoNode.Chat(DemoNode.LongText(60), 12);
        var (_, expected) = await DemoNode.PostAsync(prefill, "/v1/chat/completions", body);
        var transfer = await PrefillAsync(prefill, body);
        transfer["remote_request_id"] = new string('0', 32);

        var (status, json) = await DecodeAsync(decode, body, transfer);
        Assert.Equal(200, status);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(json));
        Assert.Equal("recomputed", (string?)json["x_agentruntime"]!["kv_transfer"]!["outcome"]);
        Assert.Equal("AR4007", (string?)json["x_agentruntime"]!["kv_transfer"]!["code"]);
    }

    [Fact]
    public async Task A_node_that_must_not_recompute_refuses_clearly()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvLoadFailure = KvLoadFailure.Fail });
        var body = DemoNode.Chat(DemoNode.LongText(60), 12);
        var transfer = await PrefillAsync(prefill, body);
        transfer["remote_request_id"] = new string('0', 32);

        var (status, json) = await DecodeAsync(decode, body, transfer);
        Assert.Equal(502, status);
        Assert.Equal("AR4007", (string?)json["error"]!["code"]);
    }

    [Fact]
    public async Task State_of_another_model_is_never_used()
    {
        await using var prefill = await DemoNode.StartAsync(o => o with { ModelPath = DemoNode.OtherModelPath });
        await using var decode = await DemoNode.StartAsync(o => o with { KvLoadFailure = KvLoadFailure.Fail });
        var body = DemoNode.Chat(DemoNode.LongText(60), 12);

        var (status, json) = await DecodeAsync(decode, body, await PrefillAsync(prefill, body));
        Assert.Equal(409, status);
        Assert.Equal("AR4011", (string?)json["error"]!["code"]);
        Assert.Equal(0, prefill.Service.Leases.Count);
    }

    [Fact]
    public async Task State_of_another_prompt_is_never_used()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvLoadFailure = KvLoadFailure.Fail });
        var transfer = await PrefillAsync(prefill, DemoNode.Chat("one conversation", 4));

        var (status, json) = await DecodeAsync(decode, DemoNode.Chat("another conversation", 4), transfer);
        Assert.Equal(409, status);
        Assert.Equal("AR4011", (string?)json["error"]!["code"]);
    }

    [Fact]
    public async Task A_peer_that_is_gone_is_replaced_by_computing_here()
    {
        await using var decode = await DemoNode.StartAsync();
        var body = DemoNode.Chat(DemoNode.LongText(60), 12);
        JsonObject transfer;
        await using (var prefill = await DemoNode.StartAsync()) transfer = await PrefillAsync(prefill, body);

        var (status, json) = await DecodeAsync(decode, body, transfer);
        Assert.Equal(200, status);
        Assert.Equal("recomputed", (string?)json["x_agentruntime"]!["kv_transfer"]!["outcome"]);
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_peer_that_fails_in_the_transfer_is_replaced_by_computing_here(PeerFault fault)
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvFetchTimeout = TimeSpan.FromSeconds(1) });
        var body = DemoNode.Chat(DemoNode.LongText(60), 12);
        var (_, expected) = await DemoNode.PostAsync(prefill, "/v1/chat/completions", body);
        var transfer = await PrefillAsync(prefill, body);
        await using var peer = await FaultyPeer.StartAsync(prefill.Address, fault);
        transfer["remote_port"] = peer.Port;

        var (status, json) = await DecodeAsync(decode, body, transfer);
        Assert.Equal(200, status);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(json));
        Assert.Equal("recomputed", (string?)json["x_agentruntime"]!["kv_transfer"]!["outcome"]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task State_that_holds_no_numbers_is_refused_though_its_checksum_is_right(bool announced)
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvLoadFailure = KvLoadFailure.Fail });
        var body = DemoNode.Chat(DemoNode.LongText(60), 12);
        var (_, expected) = await DemoNode.PostAsync(prefill, "/v1/chat/completions", body);
        var transfer = await PrefillAsync(prefill, body);
        await using var peer = await FaultyPeer.StartAsync(prefill.Address, PeerFault.NotANumber);
        transfer["remote_port"] = peer.Port;
        if (announced)
        {
            var from = KvTransferParams.Parse(JsonSerializer.SerializeToElement(transfer));
            Assert.True(decode.Service.Expectations.Begin(from));
        }

        var (status, json) = await DecodeAsync(decode, body, transfer);
        Assert.Equal(502, status);
        Assert.Equal("AR4007", (string?)json["error"]!["code"]);
        Assert.Contains("not a number", (string?)json["error"]!["message"], StringComparison.Ordinal);
        // Nothing of it stayed.
        var (_, actual) = await DemoNode.PostAsync(decode, "/v1/chat/completions", body);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(actual));
    }

    [Fact]
    public async Task Heartbeats_keep_the_lease_while_segments_are_slow()
    {
        // The lease is on a clock that goes on with each heartbeat alone: two without a renewal are too many.
        var time = new SteppedClock();
        await using var prefill = await DemoNode.StartAsync(time: time);
        await using var decode = await DemoNode.StartAsync(o => o with
        {
            KvLease = TimeSpan.FromMilliseconds(300), KvFetchTimeout = TimeSpan.FromMinutes(2),
        });
        var step = DemoNode.Options.KvLease * 0.8;
        await using var peer = await FaultyPeer.StartAsync(
            prefill.Address, PeerFault.Slow, afterHeartbeat: () => time.Advance(step));
        var body = DemoNode.Chat(DemoNode.LongText(250), 4); // several segments
        var transfer = await PrefillAsync(prefill, body);
        transfer["remote_port"] = peer.Port;

        var (status, json) = await DecodeAsync(decode, body, transfer);
        Assert.Equal(200, status);
        Assert.Equal("transferred", (string?)json["x_agentruntime"]!["kv_transfer"]!["outcome"]);
        Assert.Equal(0, prefill.Service.Leases.Expired);
    }

    [Fact]
    public async Task A_host_that_is_no_peer_is_never_called()
    {
        await using var decode = await DemoNode.StartAsync(o => o with { KvLoadFailure = KvLoadFailure.Fail });
        var transfer = new JsonObject
        {
            ["do_remote_prefill"] = true, ["remote_host"] = "192.0.2.1", ["remote_port"] = 80,
            ["remote_request_id"] = new string('0', 32),
        };
        var (status, json) = await DecodeAsync(decode, DemoNode.Chat("x", 4), transfer);
        Assert.Equal(502, status);
        Assert.Contains("may fetch from", (string?)json["error"]!["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task State_that_nobody_fetches_is_dropped_after_its_lease()
    {
        await using var prefill = await DemoNode.StartAsync(o => o with { KvLease = TimeSpan.FromMilliseconds(200) });
        await PrefillAsync(prefill, DemoNode.Chat("forgotten", 4));

        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (prefill.Service.Leases.Expired == 0) await tick.WaitForNextTickAsync(deadline.Token);
        Assert.Equal(0, prefill.Service.Leases.Count);
    }

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef", true)]
    [InlineData("0123456789abcdef0123456789abcde", false)]
    [InlineData("../../0123456789abcdef0123456789", false)]
    public async Task State_has_the_id_that_is_wished_for_once(string wish, bool granted)
    {
        await using var node = await DemoNode.StartAsync();
        async Task<string> IdAsync() =>
            (string)(await PrefillAsync(node, DemoNode.Chat("a wish", 4), wish: wish))["remote_request_id"]!;

        var first = await IdAsync();
        var second = await IdAsync();

        Assert.Equal(granted, first == wish);
        Assert.NotEqual(first, second);
        Assert.Matches("^[0-9a-f]{32}$", second);
        Assert.True(node.Service.Leases.Release(first));
        Assert.Equal(granted, await IdAsync() == wish);
    }

    [Fact]
    public async Task Leases_that_are_open_together_share_one_limit()
    {
        await using var node = await DemoNode.StartAsync(o => o with { KvLeaseBytes = new(10_000) });
        var leases = node.Service.Leases;
        var (one, other) = (leases.Open(new int[600], null, null, 256), leases.Open(new int[600], null, null, 256));
        var state = KvBuffer.Of(new byte[6000]);
        one.Export.Add(0, 256, state);
        other.Export.Add(0, 256, state);
        Assert.False(one.Export.Overflowed);
        Assert.True(other.Export.Overflowed);
        Assert.Equal(6000, leases.Bytes);

        // What is being read is held until it has been.
        Assert.True(one.Export.BeginRead());
        leases.Release(one.Id);
        Assert.Equal(6000, leases.Bytes);
        one.Export.EndRead();
        Assert.Equal(0, leases.Bytes);
        var next = leases.Open(new int[600], null, null, 256);
        next.Export.Add(0, 256, state);
        Assert.False(next.Export.Overflowed);
        next.Export.Add(256, 512, state);
        Assert.True(next.Export.Overflowed);
        Assert.Equal(0, leases.Bytes);
    }

    [Fact]
    public async Task Imports_that_wait_together_share_one_limit()
    {
        await using var prefill = await DemoNode.StartAsync();
        var text = DemoNode.LongText(60);
        var body = DemoNode.Chat(text, 4);
        var prompt = prefill.Service.Model.Tokenize(
            prefill.Service.Prompts.Build([new("user", text)], []), addSpecial: true, parseSpecial: true);
        async Task<KvImport> FetchAsync(NodeServer node) => await node.Service.Client.FetchAsync(
            KvTransferParams.Parse(JsonSerializer.SerializeToElement(await PrefillAsync(prefill, body))), prompt, null,
            null, default);
        long bytes;
        await using (var ample = await DemoNode.StartAsync()) bytes = (await FetchAsync(ample)).Bytes;

        await using var decode = await DemoNode.StartAsync(o => o with { KvLeaseBytes = new(bytes * 3 / 2) });
        var import = await FetchAsync(decode);
        var e = await Assert.ThrowsAsync<RuntimeErrorException>(() => FetchAsync(decode));
        Assert.Equal(ReasonCodes.KvTransferFailed, e.Error.Code);
        import.Release();
        import.Release();
        import = await FetchAsync(decode);
        import.Use(segments => Assert.Equal(bytes, segments.Sum(s => (long)s.Length)));
        (await FetchAsync(decode)).Release();
    }

    internal static async Task<JsonObject> PrefillAsync(
        NodeServer node, JsonObject body, int? decodePort = null, string? wish = null)
    {
        var copy = body.DeepClone().AsObject();
        copy["max_tokens"] = 1;
        copy["kv_transfer_params"] = new JsonObject
        {
            ["do_remote_decode"] = true, ["do_remote_prefill"] = false, ["remote_engine_id"] = null,
            ["remote_block_ids"] = null, ["remote_host"] = decodePort is null ? null : "127.0.0.1",
            ["remote_port"] = decodePort, ["remote_request_id"] = wish,
        };
        var (status, json) = await DemoNode.PostAsync(node, "/v1/chat/completions", copy);
        Assert.Equal(200, status);
        return json["kv_transfer_params"]!.DeepClone().AsObject();
    }

    internal static Task<(int Status, JsonNode Json)> DecodeAsync(NodeServer node, JsonObject body, JsonObject transfer)
    {
        var copy = body.DeepClone().AsObject();
        copy["kv_transfer_params"] = transfer.DeepClone();
        return DemoNode.PostAsync(node, "/v1/chat/completions", copy);
    }

    /// <summary>The system's timers, and timestamps that a test moves on. Thread-safe.</summary>
    private sealed class SteppedClock : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);

        public override long GetTimestamp() => Interlocked.Read(ref _ticks);
    }
}
