using System.Net;

namespace AgentRuntime.Gateway.Tests;

/// <summary>What images cost, of which a request's bytes say nothing.</summary>
public class MediaTests
{
    private const string Pixel = """{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}""";
    private const string Remote = """{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}""";
    private const string Text = """{"type":"text","text":"what is it?"}""";

    [Theory]
    [InlineData(Text + "," + Remote, 1_000)]
    [InlineData(Text + "," + Pixel, 1_000)]
    [InlineData(Remote + "," + Remote, 2_000)]
    [InlineData("""{"image_url":{"url":"data:,"}}""", 1_000)]
    [InlineData("""{"text":"a"},"b",{"type":"refusal","refusal":"c"}""", 0)]
    [InlineData(Remote + "," + Remote + "," + Remote + "," + Remote + "," + Remote, 4_096)]
    public async Task A_prompt_is_charged_for_as_much_as_its_text_and_its_media_can_be(string parts, int media)
    {
        await using var engine = await ScriptedEngine.StartAsync("a");
        engine.Answer = async (context, _) =>
        {
            await ScriptedEngine.WriteEventAsync(context, engine.Chunk("x"));
            await ScriptedEngine.WriteEventAsync(context, engine.Finish());
            await ScriptedEngine.WriteEventAsync(context, engine.Usage(1_000_000, 0, 1));
            await ScriptedEngine.WriteEventAsync(context, "[DONE]");
        };
        await using var edge = await EdgeHarness.StartAsync(
            [engine], new EdgeOptions { AllowRemoteMedia = true, MaxMediaTokens = 1_000 });
        var body = $$"""{"model":"m","messages":[{"role":"user","content":[{{parts}}]}]}""";

        using var response = await edge.PostAsync("v1/chat/completions", body);

        var answer = await EdgeHarness.JsonAsync(response, HttpStatusCode.OK);
        Assert.Equal(body.Length + media, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
    }
}
