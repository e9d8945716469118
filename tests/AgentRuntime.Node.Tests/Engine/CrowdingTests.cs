namespace AgentRuntime.Node.Tests.Engine;

public sealed class CrowdingTests
{
    [Fact]
    public async Task Sequences_that_lose_their_cells_start_over_and_answer_the_same()
    {
        await using var roomy = await DemoNode.StartAsync();
        // The pool holds less than two of the four requests.
        using var hold = new EngineHold();
        await using var tight = await DemoNode.StartAsync(
            o => o with { ContextTokens = 256, KvPoolTokens = 256, GrpcPort = 0 }, hold);
        var bodies = Enumerable.Range(0, 4).Select(i => DemoNode.Chat(DemoNode.LongText(40, i + 50), 48)).ToArray();

        var expected = new List<string>();
        foreach (var body in bodies)
            expected.Add(DemoNode.Text((await DemoNode.PostAsync(roomy, "/v1/chat/completions", body)).Json));
        var asking = Task.WhenAll(bodies.Select(b => DemoNode.PostAsync(tight, "/v1/chat/completions", b)));
        await hold.ReleaseOnceItHasAsync(tight, bodies.Length);
        var actual = await asking;

        for (var i = 0; i < bodies.Length; i++) Assert.Equal(expected[i], DemoNode.Text(actual[i].Json));
        Assert.True(tight.Service.Engine.Counters.Preemptions > 0);
        Assert.Equal(0, roomy.Service.Engine.Counters.Preemptions);
    }

    [Fact]
    public async Task A_full_queue_refuses_with_a_code()
    {
        using var hold = new EngineHold();
        await using var node = await DemoNode.StartAsync(
            o => o with { ParallelSequences = 1, QueuedRequests = 1, GrpcPort = 0 }, hold);
        var asking = Enumerable.Range(0, 12).Select(i => DemoNode.PostAsync(
            node, "/v1/chat/completions", DemoNode.Chat($"request {i} " + DemoNode.LongText(20), 100))).ToArray();
        // One is held, one waits; the others are refused.
        await hold.ReleaseOnceAsync(() => asking.Count(a => a.IsCompleted) >= 10);
        var answers = await Task.WhenAll(asking);

        Assert.Contains(answers, a => a.Status == 200);
        Assert.Contains(answers, a => a.Status == 503 && (string?)a.Json["error"]!["code"] == "AR4009");
        Assert.All(answers, a => Assert.Contains(a.Status, (int[])[200, 503]));
    }
}
