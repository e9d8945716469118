using System.Globalization;
using System.Net;
using AgentRuntime.Samples.Shop;

// AgentRuntime.Samples.Shop --port PORT --data FILE: a small shop as an MCP server. Prints "ready URL" when it serves.
if (args is not ["--port", var portText, "--data", var file]
    || !int.TryParse(portText, CultureInfo.InvariantCulture, out var port) || port is < 0 or > 65_535)
{
    Console.Error.WriteLine("usage: AgentRuntime.Samples.Shop --port PORT --data FILE   (port 0 takes any free one)");
    return 2;
}

using var shop = ShopDatabase.Open(file);
var builder = WebApplication.CreateSlimBuilder();
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.Listen(IPAddress.Loopback, port);
    kestrel.Limits.MaxRequestBodySize = McpEndpoint.MaxRequestBytes;
});

await using var app = builder.Build();
app.MapPost("/mcp", new McpEndpoint(new ShopTools(shop)).HandleAsync);
await app.StartAsync();
Console.WriteLine($"ready {app.Urls.Single()}/mcp");
await app.WaitForShutdownAsync();
return 0;
