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
        if (!context.Response.HasStarted)
        {
            context.Response.ContentType = "text/event-stream";
            context.Response.Headers.CacheControl = "no-cache";
        }

        _buffer.ResetWrittenCount();
        _buffer.Write("data: "u8);
        _json ??= new(_buffer);
        _json.Reset(_buffer);
        write(_json);
        await _json.FlushAsync(cancellationToken);
        _buffer.Write("\n\n"u8);
        await context.Response.BodyWriter.WriteAsync(_buffer.WrittenMemory, cancellationToken);
    }

    public async Task EndAsync(CancellationToken cancellationToken) =>
        await context.Response.BodyWriter.WriteAsync("data: [DONE]\n\n"u8.ToArray(), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_json is not null) await _json.DisposeAsync();
    }
}
