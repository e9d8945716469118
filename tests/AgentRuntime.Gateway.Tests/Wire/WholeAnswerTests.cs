using System.Buffers;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway.Tests;

/// <summary>Answers that are put together: the short way gives what the long one does, and costs little.</summary>
public sealed class WholeAnswerTests
{
    [Theory]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":"x"},"logprobs":null,"finish_reason":null}]}""", true)]
    [InlineData("""{"choices":[{"index":0,"text":"x","finish_reason":"stop","stop_reason":null}]}""", true)]
    [InlineData("""{"choices":[{"index":0,"delta":{"role":"assistant","content":"","tool_calls":null}}]}""", true)]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":"x"},"stop_reason":13}]}""", false)]
    [InlineData("""{"choices":[{"index":0,"delta":{"content":"x"},"logprobs":{"content":[]}}]}""", false)]
    [InlineData("""{"choices":[{"index":0,"delta":{"reasoning_content":"x"}}]}""", false)]
    [InlineData("""{"choices":[{"index":0,"delta":{"thoughts":"x"}}]}""", false)]
    [InlineData("""{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c"}]}}]}""", false)]
    [InlineData("""{"choices":[{"index":1,"delta":{"content":"x"}}]}""", false)]
    [InlineData("""{"choices":[{"index":0,"text":"x"},{"index":1,"text":"y"}]}""", false)]
    [InlineData("""{"choices":[],"usage":{"prompt_tokens":1}}""", false)]
    public void A_chunk_is_only_text_when_it_has_nothing_else(string json, bool onlyText) =>
        Assert.Equal(onlyText, ChunkReader.Read(Encoding.UTF8.GetBytes(json)).OnlyText);

    [Theory]
    [InlineData(InferenceOperation.Chat)]
    [InlineData(InferenceOperation.Completion)]
    public void The_short_way_gives_what_the_long_one_does(InferenceOperation operation)
    {
        var random = new Random(7);
        for (var i = 0; i < 200; i++)
        {
            var chunks = Enumerable.Range(0, random.Next(1, 12)).Select(_ => Chunk(operation, random)).ToArray();
            Assert.Equal(
                Whole(operation, chunks.Select(c => c with { OnlyText = false })), Whole(operation, chunks));
        }
    }

    [Theory]
    [InlineData("""{"choices":[{"index":null,"delta":{"content":"x"}}]}""", "\"content\":\"x\"")]
    [InlineData("""{"choices":[{"index":"0","delta":{"content":"x"}}]}""", "\"content\":\"x\"")]
    [InlineData("""{"created":"7","choices":[{"delta":{"content":"x"}},1,null]}""", "\"content\":\"x\"")]
    [InlineData("""{"created":null,"choices":[{"delta":{"content":"x"}}]}""", "\"created\":0")]
    [InlineData(
        """{"choices":[{"delta":{"tool_calls":[null,"x",{"index":null,"id":"c","function":{"name":"f"}}]}}]}""",
        "\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}")]
    public void What_an_engine_leaves_out_or_writes_otherwise_breaks_no_answer(string chunk, string part) =>
        Assert.Contains(
            part,
            Whole(InferenceOperation.Chat, [new() { Raw = Encoding.UTF8.GetBytes(chunk) }]),
            StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"choices":[{"delta":{"thoughts":"\ud800"}}]}""")]
    [InlineData("""{"choices":[{"delta":{"thoughts":"ÿ"}}]}""")]
    [InlineData("""{"choices":[{"delta":{"content":"x"}""")]
    public void What_is_no_text_is_the_engines_failure(string chunk)
    {
        var error = Assert.Throws<RuntimeErrorException>(
            () => Whole(InferenceOperation.Chat, [new() { Raw = Encoding.Latin1.GetBytes(chunk) }]));
        Assert.Equal(ReasonCodes.EngineFailed, error.Error.Code);
    }

    [Fact]
    public void Log_probabilities_cost_about_what_an_engine_sends_of_them()
    {
        const int Elements = 100_000;
        var numbers = string.Join(',', new int[Elements]);
        var raw = Encoding.UTF8.GetBytes(
            "{\"choices\":[{\"delta\":{},\"logprobs\":{\"content\":[" + numbers + "]}}]}");
        var answer = new AnswerAssembly(InferenceOperation.Chat);
        answer.Add(new() { Raw = raw });
        var before = GC.GetAllocatedBytesForCurrentThread();

        answer.Add(new() { Raw = raw });

        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Elements, 0, 64);
    }

    [Fact]
    public async Task A_token_of_an_answer_makes_few_bytes()
    {
        const int Tokens = 4_000;
        var stream = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(
            "data: " + """{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":"""
            + """[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}]}""" + "\n\n",
            Tokens)));
        await PutTogetherAsync(stream);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var put = PutTogetherAsync(stream);
        var perToken = (GC.GetAllocatedBytesForCurrentThread() - before) / Tokens;
        Assert.True(put.IsCompleted);

        // The event's own 172 bytes, its text, and the chunk; a document of each would be three times as much.
        Assert.InRange(perToken, 172, 480);
    }

    private static async Task PutTogetherAsync(byte[] stream)
    {
        var request = Request(InferenceOperation.Chat);
        var reader = new SseReader(new MemoryStream(stream), 4096);
        var progress = new AnswerProgress(request, RequestTemplate.Parse(request.Body));
        var answer = new AnswerAssembly(request.Operation);
        string? id = null, model = null;
        do
        {
            while (reader.TryNext(out var data))
            {
                var chunk = ChunkReader.Read(data.Span, id, model);
                (id, model) = (chunk.Id, chunk.Model);
                answer.Add(progress.Take(chunk, data)!);
            }
        }
        while (await reader.ReadAsync(CancellationToken.None));
    }

    private static InferenceChunk Chunk(InferenceOperation operation, Random random)
    {
        var text = random.Next(4) == 0 ? "" : $"word{random.Next(100)} ";
        var finish = random.Next(6) == 0 ? "\"stop\"" : "null";
        var (index, more) = random.Next(8) switch
        {
            0 => (1, ""),
            1 => (0, ",\"stop_reason\":7"),
            2 => (0, ",\"logprobs\":{\"tokens\":[\"a\"]}"),
            _ => (0, ""),
        };
        var content = operation == InferenceOperation.Chat
            ? $"\"delta\":{{\"content\":\"{text}\"}}"
            : $"\"text\":\"{text}\"";
        var raw = Encoding.UTF8.GetBytes(
            $"{{\"id\":\"c\",\"created\":5,\"system_fingerprint\":\"f\",\"choices\":"
            + $"[{{\"index\":{index},{content},\"finish_reason\":{finish}{more}}}]}}");
        var read = ChunkReader.Read(raw);
        return new InferenceChunk
        {
            Raw = raw, Text = read.Text, FinishReason = read.FinishReason, OnlyText = read.OnlyText,
        };
    }

    private static string Whole(InferenceOperation operation, IEnumerable<InferenceChunk> chunks)
    {
        var answer = new AnswerAssembly(operation);
        foreach (var chunk in chunks)
            answer.Add(chunk);
        var output = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(output))
            answer.Write(json, Request(operation), InferenceUsage.None);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static InferenceRequest Request(InferenceOperation operation) =>
        RouterHarness.Chat() with { Operation = operation };
}
