using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace AgentRuntime.Samples.Shop.Tests;

/// <summary>The shop as a process, called by the official MCP client over HTTP.</summary>
public sealed class ShopTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("shop-test-").FullName;
    private Process _shop = null!;
    private McpClient _client = null!;

    public async Task InitializeAsync()
    {
        _shop = Process.Start(new ProcessStartInfo(
            "dotnet", [typeof(ShopTools).Assembly.Location, "--port", "0", "--data", Path.Combine(_folder, "shop.db")])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
        var line = await _shop.StandardOutput.ReadLineAsync();
        Assert.StartsWith("ready ", line, StringComparison.Ordinal);
        _client = await McpClient.CreateAsync(new HttpClientTransport(new HttpClientTransportOptions
        {
            Endpoint = new Uri(line!["ready ".Length..]),
            TransportMode = HttpTransportMode.StreamableHttp,
        }));
    }

    public async Task DisposeAsync()
    {
        await _client.DisposeAsync();
        _shop.Kill();
        await _shop.WaitForExitAsync();
        _shop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task It_offers_three_tools_that_take_nothing_but_what_they_name()
    {
        var tools = await _client.ListToolsAsync();

        Assert.Equal(["lookup_order", "refund", "delete_customer"], tools.Select(tool => tool.Name));
        Assert.All(tools, tool => Assert.False(tool.JsonSchema.GetProperty("additionalProperties").GetBoolean()));
    }

    [Fact]
    public async Task An_order_can_be_looked_up()
    {
        var order = await AnswerAsync("lookup_order", new() { ["order_id"] = "ORD-1001" });

        Assert.Equal("ORD-1001", (string?)order["order_id"]);
        Assert.True((long?)order["total_cents"] > 0);
    }

    [Fact]
    public async Task An_answer_spells_names_as_they_are_written()
    {
        var result = await CallAsync("lookup_order", new() { ["order_id"] = "ORD-1010" }, key: null);

        Assert.Contains("\"item\":\"Children's raincoat, 116\"", Text(result), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refund_with_the_same_key_is_done_once()
    {
        var arguments = new Dictionary<string, object?>
        {
            ["order_id"] = "ORD-1003", ["amount_cents"] = 100, ["reason"] = "cracked",
        };

        var first = await AnswerAsync("refund", arguments, "run_1:1");
        var second = await AnswerAsync("refund", arguments, "run_1:1");

        Assert.Equal(first.ToJsonString(), second.ToJsonString());
        var order = await AnswerAsync("lookup_order", new() { ["order_id"] = "ORD-1003" });
        Assert.Equal(100, (long?)order["refunded_cents"]);
    }

    [Theory]
    [InlineData("refund", """{"order_id":"ORD-1001","amount_cents":99999999,"reason":"greed"}""", "cannot be refunded")]
    [InlineData("refund", """{"order_id":"ORD-1001","amount_cents":-5,"reason":"x"}""", "cannot be refunded")]
    [InlineData("refund", """{"order_id":"ORD-1001","amount_cents":"5","reason":"x"}""", "whole number")]
    [InlineData("lookup_order", """{"order_id":"ORD-0"}""", "no order")]
    [InlineData("lookup_order", """{}""", "must be a text")]
    [InlineData("delete_customer", """{"customer_id":"CUS-999"}""", "no customer")]
    [InlineData("drop_tables", """{}""", "no tool")]
    public async Task A_call_that_makes_no_sense_is_an_error_of_the_tool(string tool, string arguments, string says)
    {
        var result = await CallAsync(
            tool, JsonSerializer.Deserialize<Dictionary<string, object?>>(arguments)!, key: null);

        Assert.True(result.IsError);
        Assert.Contains(says, Text(result), StringComparison.Ordinal);
    }

    private async Task<JsonObject> AnswerAsync(string tool, Dictionary<string, object?> arguments, string? key = null)
    {
        var result = await CallAsync(tool, arguments, key);
        Assert.NotEqual(true, result.IsError);
        return JsonNode.Parse(Text(result))!.AsObject();
    }

    private async Task<CallToolResult> CallAsync(string tool, Dictionary<string, object?> arguments, string? key) =>
        await _client.CallToolAsync(new CallToolRequestParams
        {
            Name = tool,
            Arguments = arguments.ToDictionary(a => a.Key, a => JsonSerializer.SerializeToElement(a.Value)),
            Meta = key is null ? null : new JsonObject { ["idempotencyKey"] = key },
        });

    private static string Text(CallToolResult result) =>
        Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text;
}
