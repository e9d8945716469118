using System.Text.RegularExpressions;
using AgentRuntime.Abstractions;
using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.TestKit;

namespace AgentRuntime.Integration.Tests;

/// <summary>The main job, end to end, with real processes.</summary>
public partial class DemoTests(DemoPlatform platform) : IClassFixture<DemoPlatform>
{
    private static readonly string Tickets = Path.Combine(
        Repository.Root, "runtime", "samples", "tickets", "tickets.jsonl");

    [Fact]
    public async Task The_demo_agent_works_through_the_tickets_within_its_policy()
    {
        var (exitCode, output) = await platform.AgentctlAsync("run", "demo/triage", "--input", Tickets);

        Assert.True(exitCode == 0, output);
        Assert.Contains("20 runs, 20 succeeded", output, StringComparison.Ordinal);
        Assert.Matches(AllowedRefund(), output);
        Assert.Matches(DeniedDeletion(), output);
        Assert.Matches(DeniedRefund(), output);
        Assert.Matches(MovedKv(), output);
    }

    [Fact]
    public async Task The_model_decides_what_to_do_about_a_ticket_in_a_customers_own_words()
    {
        using var client = platform.Client();
        var events = new List<RunEventData>();

        var run = await client.Runs.RunToEndAsync(
            "demo/triage",
            """
            {"id":"T-2","customer_id":"CUS-001","customer":"Ines Albrecht","order_id":"ORD-1001",
             "text":"The scarf arrived with a tear along the seam. I would like a refund."}
            """,
            e => events.Add(e.Data),
            CancellationToken.None);

        Assert.Equal("succeeded", run.Status);
        Assert.Equal(
            ["shop/lookup_order", "shop/refund"], events.OfType<ToolDecided>().Select(decided => decided.Tool));
        Assert.Contains("3490", events.OfType<ToolCompleted>().Last().Content, StringComparison.Ordinal);
        Assert.Equal(3, events.OfType<ChatCompleted>().Count());
        Assert.Contains("Ines Albrecht", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\"reply\":\"\"", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_tells_every_call_its_engines_its_tokens_and_its_cost()
    {
        using var client = platform.Client();
        var events = new List<RunEventData>();

        var run = await client.Runs.RunToEndAsync(
            "demo/triage", DeletionTicket, e => events.Add(e.Data), CancellationToken.None);

        Assert.Equal("succeeded", run.Status);
        var chat = Assert.Single(events.OfType<ChatCompleted>());
        Assert.NotEqual(chat.PrefillEngine, chat.DecodeEngine);
        Assert.True(chat.KvBytes > 0);
        Assert.True(chat.Usage.PromptTokens > 0 && chat.Usage.OutputTokens > 0);
        Assert.Equal(chat.CostMicroUsd, run.CostMicroUsd);
        Assert.True(run.CostMicroUsd > 0);
        var refused = Assert.Single(events.OfType<ToolDecided>(), d => d.Verdict == "deny");
        Assert.Equal("shop/delete_customer", refused.Tool);
        Assert.Equal("AR2002", refused.Reason?.Code);
        Assert.Contains("AR2002", run.Output, StringComparison.Ordinal); // the guest was told
        Assert.DoesNotContain(events.OfType<ToolStarted>(), t => t.Tool == "shop/delete_customer");
    }

    [Fact]
    public async Task A_refund_above_the_limit_is_refused_and_never_reaches_the_shop()
    {
        using var client = platform.Client();
        var events = new List<RunEventData>();

        await client.Runs.RunToEndAsync(
            "demo/triage",
            """
            {"id":"T","customer_id":"CUS-002","customer":"M","order_id":"ORD-1002","intent":"refund",
             "amount_cents":5001,"text":"Refund me."}
            """,
            e => events.Add(e.Data),
            CancellationToken.None);

        Assert.Contains(events.OfType<ToolDecided>(), d => d is { Tool: "shop/refund", Verdict: "deny" });
        Assert.DoesNotContain(events.OfType<ToolStarted>(), t => t.Tool == "shop/refund");
    }

    [Fact]
    public async Task Events_can_be_read_again_from_any_place()
    {
        using var client = platform.Client();
        var live = new List<long>();
        var run = await client.Runs.RunToEndAsync(
            "demo/triage", DeletionTicket, e => live.Add(e.Sequence), CancellationToken.None);
        var again = new List<long>();

        await foreach (var e in client.Runs.WatchAsync(run.Id, 3, CancellationToken.None)) again.Add(e.Sequence);

        Assert.Equal(Enumerable.Range(1, live.Count).Select(i => (long)i), live);
        Assert.Equal(live.Skip(3), again);
    }

    [Fact]
    public async Task The_second_guest_language_runs_too()
    {
        var (exitCode, output) = await platform.AgentctlAsync("run", "demo/digest", "--text", "one two three\nfour");

        Assert.True(exitCode == 0, output);
        Assert.Contains("4", output, StringComparison.Ordinal);
    }

    internal const string DeletionTicket = """
        {"id":"T-1","customer_id":"CUS-005","customer":"Tomás Herrera","order_id":"ORD-1005","intent":"delete_account",
         "text":"Please delete my account."}
        """;

    [GeneratedRegex(@"allow +shop/refund", RegexOptions.NonBacktracking)]
    private static partial Regex AllowedRefund();

    [GeneratedRegex(@"deny +shop/delete_customer [^\n]*\n +AR2002", RegexOptions.NonBacktracking)]
    private static partial Regex DeniedDeletion();

    [GeneratedRegex(@"deny +shop/refund [^\n]*\n +AR200\d", RegexOptions.NonBacktracking)]
    private static partial Regex DeniedRefund();

    [GeneratedRegex(@"node-\d -> node-\d \(\d+ KiB of KV", RegexOptions.NonBacktracking)]
    private static partial Regex MovedKv();
}
