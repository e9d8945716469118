using AgentRuntime.Integration.Tests.Processes;
using AgentRuntime.Integration.Tests.Telemetry;

namespace AgentRuntime.Integration.Tests;

/// <summary>One trace from the HTTP request to the decode engine, over OTLP, across three processes.</summary>
public class TraceTests
{
    [Fact]
    public async Task One_run_is_one_trace_from_the_request_to_the_engines()
    {
        await using var collector = await TraceCollector.StartAsync();
        var platform = new RunningPlatform
        {
            ExtraEnvironment =
            {
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address.ToString(),
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
            },
        };
        await platform.InitializeAsync();
        try
        {
            using var client = platform.Client();
            await client.Runs.RunToEndAsync("demo/triage", DemoTests.DeletionTicket, null, CancellationToken.None);

            string[] wanted =
            [
                "invoke_agent demo/triage", "execute_tool shop/lookup_order", "chat demo",
                "prefill", "kv_transfer", "decode",
            ];
            // A span is sent when it ends, so that a parent comes after its children, and from another process.
            var spans = await collector.WaitAsync(
                all => wanted.All(name => all.Any(span => span.Name == name))
                    && all.Where(s => wanted.Contains(s.Name)).All(s => all.Any(p => p.Id == s.Parent)),
                TimeSpan.FromSeconds(60));

            var trace = spans.First(span => span.Name == wanted[0]).Trace;
            var ours = spans.Where(span => span.Trace == trace).ToArray();
            Assert.All(wanted, name => Assert.Contains(ours, span => span.Name == name));
            Assert.Contains(ours, span => span.Name.StartsWith("sandbox", StringComparison.Ordinal));
            Assert.Contains(ours, span => span.Name.StartsWith("policy", StringComparison.Ordinal));
            Assert.All(ours.Where(s => wanted.Contains(s.Name)), s => Assert.Contains(ours, p => p.Id == s.Parent));
            Assert.Equal("demo", ours.First(s => s.Name == "chat demo").Attributes["gen_ai.request.model"]);

            // Nodes that serve are asked for health and metrics all along.
            var completion = ours.First(s => s.Name == "POST /v1/chat/completions");
            Assert.Equal("/v1/chat/completions", completion.Attributes["http.route"]);
            Assert.True(completion.Attributes.ContainsKey("http.response.status_code"));
            Assert.DoesNotContain(
                spans, s => s.Attributes.GetValueOrDefault("url.path") is "/health" or "/metrics" or "/healthz");
            Assert.DoesNotContain(spans, s => s.Name == "GET" && s.Parent.Length == 0);
        }
        finally
        {
            await platform.DisposeAsync();
        }
    }
}
