using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Puts the chunks of a stream together into one answer, as OpenAI gives it without <c>stream</c>. Stateless.
/// </summary>
internal static class WholeAnswer
{
    private const long MaxBytes = 64 << 20;

    /// <param name="context">Whose response has not begun.</param>
    /// <param name="chunks">The answer, its first chunk current.</param>
    /// <param name="request">What was asked.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task WriteAsync(
        HttpContext context,
        IAsyncEnumerator<InferenceChunk> chunks,
        InferenceRequest request,
        CancellationToken cancellationToken)
    {
        var answer = new AnswerAssembly(request.Operation);
        var usage = InferenceUsage.None;
        var bytes = 0L;
        do
        {
            var chunk = chunks.Current;
            usage = chunk.Usage ?? usage;
            bytes += chunk.Raw.Length;
            if (bytes > MaxBytes)
                throw new RuntimeErrorException(new RuntimeError(ReasonCodes.EngineFailed, "the answer is too long"));

            // The one with the usage is the router's own and has no choice.
            if (!chunk.Raw.IsEmpty && chunk.Usage is null)
                answer.Add(chunk);
        }
        while (await chunks.MoveNextAsync());

        var output = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(output))
            answer.Write(json, request, usage);
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = output.WrittenCount;
        await context.Response.Body.WriteAsync(output.WrittenMemory, cancellationToken);
    }
}
