using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace AgentRuntime.TestKit;

/// <summary>
/// Asks a server for everything that clients of OpenAI's API read, and records its JSON as it is on the wire. The model
/// may write noise: what a tool call or a schema asks for comes from the grammar.
/// </summary>
public sealed class OpenAiWire(HttpClient http, string model)
{
    private const string Tools = """
        "tools":[{"type":"function","function":{"name":"refund","parameters":{"type":"object","properties":{
        "amount":{"enum":[1,2]}},"required":["amount"],"additionalProperties":false}}}],
        "tool_choice":"required"
        """;

    private const string Schema = """
        "response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{
        "kind":{"enum":["full","part"]}},"required":["kind"],"additionalProperties":false}}}
        """;

    private const string Usage = "\"stream\":true,\"stream_options\":{\"include_usage\":true}";

    /// <summary>The samples.</summary>
    public OpenAiTypes Types { get; } = new();

    /// <summary>Chats, text completions, embeddings, the list of models, and errors.</summary>
    public async Task RecordAsync()
    {
        await ChatAsync("a chat", "\"logprobs\":true,\"top_logprobs\":2,\"n\":2");
        var calls = await ChatAsync("a tool call", Tools);
        Expect(calls["choices"]![0]!["finish_reason"], "tool_calls");
        Expect((await ChatAsync("an answer of a schema", Schema))["choices"]![0]!["finish_reason"], "stop");
        await StreamAsync("a stream", $"{Usage},\"logprobs\":true,\"top_logprobs\":1");
        var pieces = await StreamAsync("a streamed tool call", $"{Usage},{Tools}");
        if (!pieces.Any(p => p["choices"]!.AsArray().Any(c => c!["delta"]!["tool_calls"] is not null)))
            throw new InvalidOperationException("no chunk had a tool call");
        if (pieces[^1]["usage"] is null)
            throw new InvalidOperationException("the last chunk had no usage");

        await PostAsync(
            "text_completion", "a text", "v1/completions", "\"prompt\":\"the green river\",\"logprobs\":2,\"n\":2");
        await PostAsync(
            "embeddings", "embeddings", "v1/embeddings", "\"input\":[\"a\",\"b\"],\"encoding_format\":\"float\"");
        await GetAsync("models", "the list of models", "v1/models");
        await PostAsync(
            "error", "a body without messages", "v1/chat/completions", "\"max_tokens\":1", HttpStatusCode.BadRequest);
        await PostAsync("error", "a wrong type", "v1/completions", "\"prompt\":7", HttpStatusCode.BadRequest);
    }

    /// <summary>One model, and responses: whole, streamed, with tools, cut short.</summary>
    public async Task RecordEdgeAsync()
    {
        const string tools = """
            "tools":[{"type":"function","name":"refund","parameters":{"type":"object","properties":{
            "amount":{"enum":[1,2]}},"required":["amount"],"additionalProperties":false}}],
            "tool_choice":"required"
            """;
        const string text = """
            "instructions":"Be brief","metadata":{"a":"b"},"temperature":0.5,"top_p":0.9,"max_output_tokens":8,
            "ignore_eos":true
            """;
        await GetAsync("model", "a model", $"v1/models/{model}");
        var cut = await ResponseAsync("a response cut short", text);
        Expect(cut["status"], "incomplete");
        Expect(cut["instructions"], "Be brief");
        Expect(cut["metadata"]!["a"], "b");
        var call = await ResponseAsync("a response with a call", tools);
        Expect(call["output"]!.AsArray()[^1]!["type"], "function_call");
        Expect(call["tools"]![0]!["name"], "refund");
        foreach (var (name, more) in ((string, string)[])[("text", text), ("a call", tools)])
        {
            var stream = await SendAsync("v1/responses", $"\"input\":\"hello\",\"stream\":true,{more}");
            Types.AddStream("response.event", $"streamed {name}", stream);
        }
    }

    private Task<JsonNode> ResponseAsync(string name, string more) =>
        PostAsync("response", name, "v1/responses", $"\"input\":\"hello\",{more}");

    private Task<JsonNode> ChatAsync(string name, string more) =>
        PostAsync("chat.completion", name, "v1/chat/completions", Chat(more));

    private async Task<IReadOnlyList<JsonNode>> StreamAsync(string name, string more) =>
        Types.AddStream("chat.completion.chunk", name, await SendAsync("v1/chat/completions", Chat(more)));

    private static string Chat(string more) =>
        $"\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}],\"max_tokens\":200,\"seed\":5,{more}";

    private async Task<JsonNode> PostAsync(
        string kind, string name, string path, string members, HttpStatusCode status = HttpStatusCode.OK) =>
        Types.Add(kind, name, await SendAsync(path, members, status));

    private async Task GetAsync(string kind, string name, string path) =>
        Types.Add(kind, name, await http.GetStringAsync(new Uri(path, UriKind.Relative)));

    private async Task<string> SendAsync(string path, string members, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var body = new StringContent(
            $"{{\"model\":\"{model}\",{members}}}", Encoding.UTF8, "application/json");
        using var response = await http.PostAsync(new Uri(path, UriKind.Relative), body);
        var text = await response.Content.ReadAsStringAsync();
        return response.StatusCode == status
            ? text
            : throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {text}");
    }

    private static void Expect(JsonNode? value, string expected)
    {
        if ((string?)value != expected)
            throw new InvalidOperationException($"'{value}' is not '{expected}'");
    }
}
