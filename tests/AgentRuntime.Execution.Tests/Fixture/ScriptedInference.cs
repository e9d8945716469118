using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>Engines whose answers a test writes in C#. Remembers the bodies that it was sent.</summary>
internal sealed class ScriptedInference : IInferenceRouter
{
    public static readonly InferenceUsage Usage = new(new(10), new(4), new(3));

    public ConcurrentQueue<string> Bodies { get; } = [];

    public Func<InferenceRequest, CancellationToken, IAsyncEnumerable<InferenceChunk>> Answer { get; set; } =
        (_, _) => Chunks(new InferenceChunk { Text = "hel" }, new InferenceChunk { Text = "lo" });

    public IReadOnlyList<ServedModel> Models => [];

    public async IAsyncEnumerable<InferenceChunk> GenerateAsync(
        InferenceRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Bodies.Enqueue(Encoding.UTF8.GetString(request.Body.Span));
        await foreach (var chunk in Answer(request, cancellationToken))
            yield return chunk;
        yield return new InferenceChunk
        {
            FinishReason = "stop",
            Usage = Usage,
            ServedBy = new ServedBy("prefill-1", "decode-1"),
            Timings = new InferenceTimings(
                TimeSpan.FromMilliseconds(12), TimeSpan.FromMilliseconds(30), KvBytes: new ByteCount(4_096)),
        };
    }

    public static async IAsyncEnumerable<InferenceChunk> Chunks(params InferenceChunk[] chunks)
    {
        foreach (var chunk in chunks)
        {
            await Task.Yield();
            yield return chunk;
        }
    }

    public static async IAsyncEnumerable<InferenceChunk> ThenFail(ReasonCode code, params InferenceChunk[] chunks)
    {
        await foreach (var chunk in Chunks(chunks))
            yield return chunk;
        throw new RuntimeErrorException(new RuntimeError(code, "scripted failure"));
    }
}
