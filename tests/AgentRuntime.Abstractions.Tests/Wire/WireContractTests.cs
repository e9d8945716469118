using System.Text.Json;
using System.Text.Json.Serialization;

namespace AgentRuntime.Abstractions.Tests;

/// <summary>What clients and journals rely on: names and numbers that may grow, but never change.</summary>
public class WireContractTests
{
    [Fact]
    public void The_types_of_run_events_keep_their_names()
    {
        string[] names =
        [
            "run.started", "run.succeeded", "run.failed", "run.cancelled", "log",
            "chat.started", "chat.completed", "chat.failed",
            "tool.decided", "tool.started", "tool.completed", "tool.failed",
        ];

        var declared = typeof(RunEventData).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), inherit: false)
            .Cast<JsonDerivedTypeAttribute>().Select(a => a.TypeDiscriminator);

        Assert.Empty(names.Except(declared));
    }

    [Fact]
    public void The_statuses_of_runs_keep_their_numbers() => Assert.Equal(
        [("Queued", 1), ("Running", 2), ("Succeeded", 3), ("Failed", 4), ("Cancelled", 5)],
        Enum.GetValues<RunStatus>().Select(s => (s.ToString(), (int)s)));

    /// <summary>What was recorded once must not keep what is told of it later from being written.</summary>
    [Fact]
    public void Recorded_arguments_that_stand_for_no_text_are_told_as_they_are()
    {
        const string Arguments = """{"\udc00":["\ud800"]}""";
        var difference = new SimulatedDecisionResource(
            "p/a", "tool", DateTimeOffset.UnixEpoch, "allow", "deny", [], Arguments: JsonElement.Parse(Arguments));
        var answer = new PolicySimulationResource("b", 1, 1, [], [difference]);

        var json = JsonSerializer.Serialize(answer, WireJson.Default.PolicySimulationResource);

        Assert.Contains($"\"arguments\":{Arguments}", json, StringComparison.Ordinal);
    }

    [Fact]
    public void An_event_reads_back_what_it_wrote_in_snake_case_without_nulls()
    {
        var refused = new ToolDecided(
            3, "shop/refund", """{"amount_cents":5001}""", "deny", ["grant-1"],
            new ErrorResource("AR2002", "too much"));
        var wire = new RunEventResource("run_x", 7, DateTimeOffset.UnixEpoch, refused);

        var json = JsonSerializer.Serialize(wire, WireJson.Default.RunEventResource);
        var back = JsonSerializer.Deserialize(json, WireJson.Default.RunEventResource)!;

        Assert.Contains("\"type\":\"tool.decided\"", json, StringComparison.Ordinal);
        Assert.Contains("\"determining_policies\":[\"grant-1\"]", json, StringComparison.Ordinal);
        Assert.DoesNotContain("null", json, StringComparison.Ordinal);
        Assert.Equal(refused.Reason, Assert.IsType<ToolDecided>(back.Data).Reason);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"input":null}""")]
    public void A_run_cannot_be_started_without_input(string json) =>
        Assert.Throws<JsonException>(() => JsonSerializer.Deserialize(json, WireJson.Default.StartRunBody));

    [Fact]
    public void A_later_server_may_say_more_than_this_client_knows()
    {
        var json = """{"agents":[],"next":"x","total":3}""";

        Assert.Empty(JsonSerializer.Deserialize(json, WireJson.Default.AgentList)!.Agents);
    }
}
