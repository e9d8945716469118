using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Node.Http;

/// <summary>
/// Server-sent events in OpenAI's form: <c>data: {json}</c>, at the end <c>data: [DONE]</c>. One writer.
/// </summary>
internal sealed class EventStream(HttpContext context) : IAsyncDisposable
{
    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private Utf8JsonWriter? _json;

    public async Task SendAsync(Action<Utf8JsonWriter> write, CancellationToken cancellationToken)
    {
        Begin();
        await context.Response.BodyWriter.WriteAsync(Format(write), cancellationToken);
    }

    /// <summary>Sends a chunk that adds text and nothing else.</summary>
    public async ValueTask SendAsync(ChunkTemplate template, string text, CancellationToken cancellationToken)
    {
        Begin();
        template.Write(context.Response.BodyWriter, text);
        await context.Response.BodyWriter.FlushAsync(cancellationToken);
    }

    /// <summary>Sends a comment, which readers pass over: only that more is to come.</summary>
    public async ValueTask SendLifeAsync(CancellationToken cancellationToken)
    {
        Begin();
        context.Response.BodyWriter.Write(": \n\n"u8);
        await context.Response.BodyWriter.FlushAsync(cancellationToken);
    }

    /// <summary>An event's bytes, valid until the next.</summary>
    public ReadOnlyMemory<byte> Format(Action<Utf8JsonWriter> write)
    {
        _buffer.ResetWrittenCount();
        _buffer.Write("data: "u8);
        _json ??= new(_buffer);
        _json.Reset(_buffer);
        write(_json);
        _json.Flush();
        _buffer.Write("\n\n"u8);
        return _buffer.WrittenMemory;
    }

    public async Task EndAsync(CancellationToken cancellationToken) =>
        await context.Response.BodyWriter.WriteAsync("data: [DONE]\n\n"u8.ToArray(), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_json is not null) await _json.DisposeAsync();
    }

    private void Begin()
    {
        if (context.Response.HasStarted) return;
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
    }
}
