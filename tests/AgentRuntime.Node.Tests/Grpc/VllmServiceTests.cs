using AgentRuntime.Rpc.Vllm;
using AgentRuntime.TestKit;
using Google.Protobuf.Reflection;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Grpc;

/// <summary>The checks of vllm_client.py against a node, run once.</summary>
public sealed class VllmClientReport : IAsyncLifetime
{
    /// <summary>What each check came to; null without python3-grpcio.</summary>
    public IReadOnlyDictionary<string, string>? Lines { get; private set; }

    public async Task InitializeAsync()
    {
        if (!Python.Has("grpc", "google.protobuf")) return;
        await using var node = await DemoNode.StartAsync(o => o with { GrpcPort = 0, ContextTokens = 16_384 });
        Lines = await RunAsync(node);
    }

    public Task DisposeAsync() => Task.CompletedTask;

    internal static async Task<IReadOnlyDictionary<string, string>> RunAsync(NodeServer node)
    {
        FileDescriptor[] files =
            [KvEventsReflection.Descriptor, VllmEngineReflection.Descriptor, Rpc.Health.HealthReflection.Descriptor];
        var descriptors = string.Join(',', files.Select(d => Convert.ToBase64String(d.SerializedData.Span)));
        var script = Path.Combine(Repository.Root, "tests", "AgentRuntime.Node.Tests", "Grpc", "vllm_client.py");
        using var peer = Python.Start(
            script, [$"{node.GrpcAddress!.Port}", $"{node.Address.Port}", $"{node.Service.ContextTokens}"],
            ("DESCRIPTORS", descriptors));
        var lines = new Dictionary<string, string>();
        while (await peer.StandardOutput.ReadLineAsync() is { } line)
            lines.Add(line.Split(' ')[0], line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..]);
        return lines;
    }
}

public sealed class VllmServiceTests(VllmClientReport report, ITestOutputHelper output)
    : IClassFixture<VllmClientReport>
{
    [Theory]
    [InlineData("tokens_equal_those_over_http")]
    [InlineData("token_ids_are_a_prompt")]
    [InlineData("without_stream_only_the_whole_comes")]
    [InlineData("several_choices_are_told_apart")]
    [InlineData("stops_are_matched")]
    [InlineData("log_probabilities_come_with_their_tokens")]
    [InlineData("a_schema_binds_the_answer")]
    [InlineData("a_second_run_is_cached")]
    [InlineData("a_salt_isolates")]
    [InlineData("abort_ends_a_request_and_frees_it")]
    [InlineData("cancel_frees")]
    [InlineData("a_deadline_is_kept_and_frees")]
    [InlineData("refusals_have_codes")]
    [InlineData("one_id_runs_once")]
    [InlineData("prefill_leaves_a_handoff")]
    [InlineData("the_engine_describes_itself")]
    [InlineData("the_tokenizer_is_an_archive")]
    [InlineData("events_tell_what_is_cached")]
    public void A_python_client_of_vllms_service_is_served(string check)
    {
        if (report.Lines is null)
        {
            output.WriteLine("python3-grpcio is not installed; nothing was tested");
            return;
        }

        Assert.Equal("ok", report.Lines.GetValueOrDefault(check, "did not run"));
    }
}
