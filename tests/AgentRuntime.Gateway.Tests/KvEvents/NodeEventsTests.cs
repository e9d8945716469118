using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Node;
using AgentRuntime.Node.Prompting;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>The bundled node's own events and vocabulary, through to the router's index.</summary>
public sealed class NodeEventsTests(ITestOutputHelper output) : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("node-events");

    [Fact]
    public async Task The_nodes_events_meet_the_keys_of_prompts_token_for_token()
    {
        if (!RealNode.Available || !KvPublisher.Available)
        {
            output.WriteLine("the node's library or libzmq is not installed; nothing was tested");
            return;
        }

        var model = RealNode.WriteModel(_folder.FullName);
        await using var node = await NodeServer.StartAsync(new NodeOptions
        {
            ModelPath = model, ModelName = "m", EngineName = "n", ContextTokens = 1024, Threads = 1, KvEventPort = 0,
        });
        using var vocabulary = GgufTokenizer.Load(model);
        await using var harness = await RouterHarness.StartAsync([], o => o with
        {
            Engines = [new EngineDescriptor("n", node.Address, EngineKind.Node)],
            PromptKeys = new Dictionary<string, PromptKeys> { ["m"] = PromptKeys.Vocabulary },
            Tokenizers = new Dictionary<string, IPromptTokenizer> { ["m"] = vocabulary },
        });
        var request = RouterHarness.Chat(string.Join(' ', Enumerable.Repeat("the green river", 60)), maxTokens: 2);
        var prompt = vocabulary.Tokenize(request.Operation, request.Body)!;

        var chunks = await harness.AskAsync(request);

        Assert.Equal(prompt.Length, chunks[^1].Usage!.Prompt.Value);
        var engine = harness.Router.Pool.Engines.Single();
        await Eventually.BecomesTrueAsync(() => harness.Router.Desk.IsHeardFrom(engine));
        Assert.Equal(0, harness.Router.Desk.UncorrelatedOf(engine));
        Assert.InRange(harness.Router.Desk.HeldBy(engine), prompt.Length / 16, (prompt.Length / 16) + 1);
        Assert.True((await harness.AskAsync(request))[^1].Usage!.CachedPrompt.Value >= prompt.Length / 16 * 15);
    }

    [Fact]
    public void A_vocabulary_says_what_it_cannot_tokenize()
    {
        if (!RealNode.Available)
        {
            output.WriteLine("the node's library is not installed; nothing was tested");
            return;
        }

        using var vocabulary = GgufTokenizer.Load(RealNode.WriteModel(_folder.FullName));

        Assert.Equal([5, 6], vocabulary.Tokenize(InferenceOperation.Completion, Body("""{"prompt":[5,6]}"""))!);
        Assert.Null(vocabulary.Tokenize(InferenceOperation.Completion, Body("""{"prompt":["a","b"]}""")));
        Assert.Null(vocabulary.Tokenize(InferenceOperation.Chat, Body("""{"messages":"no"}""")));
        Assert.Null(vocabulary.Tokenize(InferenceOperation.Chat, Body("{")));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static byte[] Body(string json) => Encoding.UTF8.GetBytes(json);
}
