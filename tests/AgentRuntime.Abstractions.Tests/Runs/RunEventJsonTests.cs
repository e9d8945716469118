using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions.Tests;

public sealed class RunEventJsonTests
{
    private static readonly UsageResource Usage = new(10, 4, 3);
    private static readonly RunTotals Totals = new(Usage, 13, 1.5, 65_536, 2);
    private static readonly ErrorResource Error = new("AR5003", "no such order");

    /// <summary>
    /// One event of each type with its optional members left out, in the order of the persisted names.
    /// </summary>
    private static readonly (string Name, RunEventData Event)[] All =
    [
        ("run.started", new RunStarted("demo/triage", "m", "b", "managed")),
        ("run.resumed", new RunResumed(2, 7, "managed")),
        ("run.suspended", new RunSuspended()),
        ("run.succeeded", new RunSucceeded("out", Totals)),
        ("run.failed", new RunFailed(Error, Totals)),
        ("run.cancelled", new RunCancelled(Error, Totals)),
        ("log", new GuestLogged("info", "line \" \n ü 😀")),
        ("chat.started", new ChatStarted(1, "m", 256)),
        ("chat.completed", new ChatCompleted(1, "m", "hi", [], "stop", Usage, 13, 1.5, 2.5, "p", "d")),
        ("chat.failed", new ChatFailed(1, "m", Error)),
        ("tool.decided", new ToolDecided(2, "shop/refund", "{}", "allow", [])),
        ("approval.requested", new ApprovalRequested(2, "shop/refund", "{}", DateTimeOffset.UnixEpoch)),
        ("approval.decided", new ApprovalDecided(2, true, "key:key_1")),
        ("tool.started", new ToolStarted(2, "shop/refund", "run_1:2")),
        ("tool.completed", new ToolCompleted(2, "shop/refund", "{}", 1.25)),
        ("tool.failed", new ToolFailed(2, "shop/refund", Error, 1.25)),
        ("memory.completed", new MemoryCompleted(3, "get", "notes")),
        ("memory.refused", new MemoryRefused(3, "set", "notes", Error)),
        ("sleep.started", new SleepStarted(4, DateTimeOffset.UnixEpoch)),
    ];

    [Fact]
    public void Every_event_reads_back_as_it_was_written_under_the_name_that_journals_hold()
    {
        foreach (var (name, e) in All)
        {
            var json = JsonSerializer.Serialize(e, WireJson.Default.RunEventData);
            Assert.Equal(name, JsonElement.Parse(json).GetProperty("type").GetString());
            Assert.Equal(json, JsonSerializer.Serialize(
                JsonSerializer.Deserialize(json, WireJson.Default.RunEventData)!, WireJson.Default.RunEventData));
        }
    }

    [Fact]
    public void No_event_type_is_missing_here() =>
        Assert.Equal(
            typeof(RunEventData).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false)
                .Cast<JsonDerivedTypeAttribute>().Select(a => ((string)a.TypeDiscriminator!, a.DerivedType))
                .OrderBy(a => a.Item1, StringComparer.Ordinal),
            All.Select(a => (a.Name, a.Event.GetType())).OrderBy(a => a.Name, StringComparer.Ordinal));

    [Fact]
    public void An_event_whose_type_comes_last_is_read_too() =>
        Assert.Equal(
            new GuestLogged("info", "x"),
            JsonSerializer.Deserialize(
                """{"level":"info","message":"x","type":"log"}""", WireJson.Default.RunEventData));

    [Theory]
    [InlineData("""{"type":"unheard.of"}""")]
    [InlineData("""{"type":"log","level":"info"}""")]
    [InlineData("""{"type":"log","level":"info","message":null}""")]
    public void An_event_that_is_unknown_or_incomplete_is_refused(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, WireJson.Default.RunEventData));
}
