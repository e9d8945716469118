using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Node.Http;
using AgentRuntime.Node.Transfer;

namespace AgentRuntime.Node.Tests.Transfer;

/// <summary>State that is fetched while its prompt is still being computed.</summary>
public sealed class FetchAheadTests
{
    [Fact]
    public async Task Segments_travel_while_later_ones_are_computed()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync();
        var lease = prefill.Service.Leases.Open(new int[600], null, null, NodeService.SegmentTokens);
        var here = prefill.Service.HandOver(lease);
        Assert.True(decode.Service.Expectations.Begin(here));

        byte[][] states = [KvSegment.Empty(0, 256), KvSegment.Empty(256, 512), KvSegment.Empty(512, 599)];
        lease.Export.Add(0, 256, KvBuffer.Of(states[0]));
        await Until(() => decode.Service.Expectations.Bytes == states[0].Length);
        Assert.False(lease.Export.IsComplete);
        lease.Export.Add(256, 512, KvBuffer.Of(states[1]));
        await Until(() => decode.Service.Expectations.Bytes == states[0].Length + states[1].Length);
        var taken = decode.Service.Expectations.TakeAsync(lease.Id, default);
        Assert.False(taken.IsCompleted);
        lease.Export.Add(512, 599, KvBuffer.Of(states[2]));

        var fetched = (await taken)!;
        Assert.Equal(states, fetched.Segments.Select(s => s.State.ToArray()));
        Assert.Null(await decode.Service.Expectations.TakeAsync(lease.Id, default));
        await Until(() => prefill.Service.Leases.Count == 1 && decode.Service.Expectations.Count == 0);
        // Held until it has been read.
        Assert.Equal(states.Sum(s => s.Length), decode.Service.Expectations.Bytes);
        var import = decode.Service.Client.Accept(fetched, new int[600], null, TimeSpan.Zero);
        import.Use(_ => Assert.Equal(states.Sum(s => s.Length), decode.Service.Expectations.Bytes));
        Assert.Equal(0, decode.Service.Expectations.Bytes);
    }

    [Fact]
    public async Task An_announced_prompt_is_answered_as_by_one_node()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync();
        await using var colocated = await DemoNode.StartAsync();
        var body = DemoNode.Chat(DemoNode.LongText(400), 24);
        var (_, expected) = await DemoNode.PostAsync(colocated, "/v1/chat/completions", body);

        var transfer = await DisaggregationTests.PrefillAsync(prefill, body, decode.Address.Port);
        await Until(() => decode.Service.Expectations.Count == 1);
        var (_, actual) = await DisaggregationTests.DecodeAsync(decode, body, transfer);

        Assert.Equal(1, decode.Service.Expectations.Taken);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(actual));
        var report = actual["x_agentruntime"]!["kv_transfer"]!;
        Assert.Equal("transferred", (string?)report["outcome"]);
        Assert.Equal((int)actual["usage"]!["prompt_tokens"]! - 1, (int)report["tokens"]!);
        Assert.Equal(0, prefill.Service.Leases.Count);
        Assert.Equal((0, 0), (decode.Service.Expectations.Count, decode.Service.Expectations.Bytes));
    }

    [Fact]
    public async Task A_prompt_that_is_given_up_ends_the_wait_for_it()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync();
        var lease = prefill.Service.Leases.Open(new int[600], null, null, NodeService.SegmentTokens);
        Assert.True(decode.Service.Expectations.Begin(prefill.Service.HandOver(lease)));
        lease.Export.Add(0, 256, KvBuffer.Of(KvSegment.Empty(0, 256)));
        await Until(() => decode.Service.Expectations.Bytes > 0);

        prefill.Service.Leases.Release(lease.Id);
        await Until(() => decode.Service.Expectations is { Count: 0, Bytes: 0 });
    }

    [Fact]
    public async Task What_is_said_not_to_be_wanted_is_free_at_once_on_both_nodes()
    {
        await using var prefill = await DemoNode.StartAsync(o => o with { KvLease = TimeSpan.FromHours(1) });
        await using var decode = await DemoNode.StartAsync(o => o with { KvLease = TimeSpan.FromHours(1) });
        var transfer = await DisaggregationTests.PrefillAsync(
            prefill, DemoNode.Chat(DemoNode.LongText(400), 4), decode.Address.Port);
        var id = (string)transfer["remote_request_id"]!;
        await Until(() => decode.Service.Expectations is { Count: 1, Bytes: > 0 });

        using var there = DemoNode.Client(decode);
        using var here = DemoNode.Client(prefill);
        Assert.Equal(HttpStatusCode.NoContent, (await there.DeleteAsync($"/kv/{id}")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await there.DeleteAsync($"/kv/{id}")).StatusCode);
        await Until(() => decode.Service.Expectations is { Count: 0, Bytes: 0 });

        // The decode node may have said so already.
        await here.DeleteAsync($"/kv/{id}");
        Assert.Equal((0, 0), (prefill.Service.Leases.Count, prefill.Service.Leases.Bytes));
    }

    [Fact]
    public async Task State_of_another_prompt_is_not_used_though_it_came_ahead()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvLoadFailure = KvLoadFailure.Fail });
        var transfer = await DisaggregationTests.PrefillAsync(
            prefill, DemoNode.Chat(DemoNode.LongText(400), 4), decode.Address.Port);

        var (status, json) = await DisaggregationTests.DecodeAsync(
            decode, DemoNode.Chat(DemoNode.LongText(401), 4), transfer);
        Assert.Equal(409, status);
        Assert.Equal("AR4011", (string?)json["error"]!["code"]);
        Assert.Equal(0, decode.Service.Expectations.Bytes);
    }

    [Theory]
    [MemberData(nameof(DisaggregationTests.Faults), MemberType = typeof(DisaggregationTests))]
    public async Task A_peer_that_fails_is_replaced_by_computing_here(PeerFault fault)
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvFetchTimeout = TimeSpan.FromSeconds(1) });
        var body = DemoNode.Chat(DemoNode.LongText(400), 12);
        var (_, expected) = await DemoNode.PostAsync(prefill, "/v1/chat/completions", body);
        var transfer = await DisaggregationTests.PrefillAsync(prefill, body);
        await using var peer = await FaultyPeer.StartAsync(prefill.Address, fault);
        transfer["remote_port"] = peer.Port;
        Assert.Equal(HttpStatusCode.Accepted, await ExpectAsync(decode, transfer));

        var (status, json) = await DisaggregationTests.DecodeAsync(decode, body, transfer);
        Assert.Equal(200, status);
        Assert.Equal(DemoNode.Text(expected), DemoNode.Text(json));
        Assert.Equal("recomputed", (string?)json["x_agentruntime"]!["kv_transfer"]!["outcome"]);
        Assert.Equal(0, decode.Service.Expectations.Count);
    }

    [Fact]
    public async Task What_no_request_asks_for_is_released_where_it_came_from()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvLease = TimeSpan.FromMilliseconds(200) });
        await DisaggregationTests.PrefillAsync(
            prefill, DemoNode.Chat(DemoNode.LongText(400), 4), decode.Address.Port);

        await Until(() => prefill.Service.Leases.Count == 0 && decode.Service.Expectations.Count == 0);
        Assert.Equal(0, prefill.Service.Leases.Expired);
    }

    [Fact]
    public async Task More_than_a_node_may_hold_is_computed_here()
    {
        await using var prefill = await DemoNode.StartAsync();
        await using var decode = await DemoNode.StartAsync(o => o with { KvLeaseBytes = new(400_000) });
        var body = DemoNode.Chat(DemoNode.LongText(400), 12);
        var transfer = await DisaggregationTests.PrefillAsync(prefill, body, decode.Address.Port);

        var (status, json) = await DisaggregationTests.DecodeAsync(decode, body, transfer);
        Assert.Equal(200, status);
        Assert.Equal("recomputed", (string?)json["x_agentruntime"]!["kv_transfer"]!["outcome"]);
        Assert.Equal(0, decode.Service.Expectations.Count);
    }

    [Theory]
    [InlineData("""{"do_remote_prefill":true,"remote_host":"192.0.2.1","remote_port":80}""", 204)]
    [InlineData("""{"do_remote_prefill":true,"remote_host":"127.0.0.1","remote_port":0}""", 204)]
    [InlineData("""{"do_remote_decode":true}""", 204)]
    [InlineData("""{"remote_port":"x"}""", 400)]
    [InlineData("[]", 400)]
    [InlineData("{", 400)]
    public async Task An_announcement_that_is_none_is_not_followed(string announcement, int expected)
    {
        await using var node = await DemoNode.StartAsync();
        var json = announcement.Replace(
            "\"remote_host\"", $"\"remote_request_id\":\"{new string('0', 32)}\",\"remote_host\"",
            StringComparison.Ordinal);
        using var http = new HttpClient { BaseAddress = node.Address };
        using var content = new StringContent(json, null, "application/json");
        using var answer = await http.PostAsync(new Uri("/kv/expect", UriKind.Relative), content);
        Assert.Equal(expected, (int)answer.StatusCode);
        Assert.Equal(0, node.Service.Expectations.Count);
    }

    private static async Task<HttpStatusCode> ExpectAsync(NodeServer node, JsonObject transfer)
    {
        using var http = new HttpClient { BaseAddress = node.Address };
        using var answer = await http.PostAsJsonAsync(new Uri("/kv/expect", UriKind.Relative), transfer);
        return answer.StatusCode;
    }

    private static async Task Until(Func<bool> condition)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(5));
        while (!condition()) await tick.WaitForNextTickAsync(deadline.Token);
    }
}
