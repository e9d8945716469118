using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;

namespace AgentRuntime.Samples.Shop;

/// <summary>
/// The shop's three tools over its database. Results are JSON text; errors say what to do. Thread-safe.
/// </summary>
internal sealed class ShopTools(ShopDatabase shop)
{
    private const string IdempotencyKey = "idempotencyKey";

    // Models read it: an apostrophe or an é as \u0027 or \u00E9 is six characters of nothing to them.
    private static readonly JsonSerializerOptions Readable = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>What the tools are called and take; the same text is pinned in the demo's policy bundle.</summary>
    public static IReadOnlyList<Tool> Descriptions { get; } = ReadDescriptions();

    public CallToolResult Call(CallToolRequestParams? call)
    {
        try
        {
            return call?.Name switch
            {
                "lookup_order" => Answer(shop.LookupOrder(Text(call, "order_id"))),
                "refund" => Answer(shop.Refund(
                    Text(call, "order_id"), Integer(call, "amount_cents"), Text(call, "reason"), Key(call))),
                "delete_customer" => Answer(shop.DeleteCustomer(Text(call, "customer_id"))),
                _ => throw new ShopException($"there is no tool '{call?.Name}'"),
            };
        }
        catch (ShopException e)
        {
            return new CallToolResult { IsError = true, Content = [new TextContentBlock { Text = e.Message }] };
        }
    }

    private static CallToolResult Answer(JsonObject content) =>
        new() { Content = [new TextContentBlock { Text = content.ToJsonString(Readable) }] };

    private static string Text(CallToolRequestParams call, string name) =>
        Argument(call, name) is { ValueKind: JsonValueKind.String } value && value.GetString() is { Length: > 0 } text
            ? text
            : throw new ShopException($"'{name}' must be a text that is not empty");

    private static long Integer(CallToolRequestParams call, string name) =>
        Argument(call, name) is { ValueKind: JsonValueKind.Number } value && value.TryGetInt64(out var number)
            ? number
            : throw new ShopException($"'{name}' must be a whole number");

    private static JsonElement? Argument(CallToolRequestParams call, string name) =>
        call.Arguments is not null && call.Arguments.TryGetValue(name, out var value) ? value : null;

    private static string? Key(CallToolRequestParams call) => call.Meta?[IdempotencyKey]?.GetValue<string>();

    private static Tool[] ReadDescriptions()
    {
        using var stream = typeof(ShopTools).Assembly.GetManifestResourceStream("tools.json")!;
        using var document = JsonDocument.Parse(stream);
        return
        [
            .. document.RootElement.EnumerateArray().Select(tool => new Tool
            {
                Name = tool.GetProperty("name").GetString()!,
                Description = tool.GetProperty("description").GetString(),
                InputSchema = tool.GetProperty("inputSchema").Clone(),
            }),
        ];
    }
}

/// <summary>A tool call that the shop refuses; the message goes to the caller.</summary>
internal sealed class ShopException(string message) : Exception(message);
