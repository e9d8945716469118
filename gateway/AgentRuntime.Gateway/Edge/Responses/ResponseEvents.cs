using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>
/// Writes a response as the Responses API streams it: named events, numbered, each complete in itself. Single writer.
/// </summary>
internal sealed class ResponseEvents(PipeWriter output, ResponseObject response)
{
    private int _sequence;
    private bool _messageBegun;

    public async Task WriteAsync(
        HttpContext context,
        IAsyncEnumerator<InferenceChunk> chunks,
        ClientFlush client,
        CancellationToken cancellationToken)
    {
        Event("response.created", json => Response(json, ended: false));
        Event("response.in_progress", json => Response(json, ended: false));
        try
        {
            while (true)
            {
                var chunk = chunks.Current;
                response.Add(chunk);
                if (chunk.Text.Length > 0)
                    Delta(chunk.Text);
                var next = chunks.MoveNextAsync();
                if (!await (next.IsCompleted ? next : client.FlushAsync(context, next, cancellationToken)))
                    break;
            }
        }
        catch (Exception e) when (e is not StreamBrokenException && !context.RequestAborted.IsCancellationRequested)
        {
            var error = EdgeRequest.ErrorOf(e);
            Event("error", json =>
            {
                json.WriteString("code"u8, error.Code.ToString());
                json.WriteString("message"u8, error.Message);
                json.WriteString("param"u8, error.Where);
            });
            await client.FlushAsync(context, default, CancellationToken.None);
            throw new StreamBrokenException(e);
        }

        End();
        await client.FlushAsync(context, default, cancellationToken);
    }

    private void Delta(string text)
    {
        if (!_messageBegun)
        {
            _messageBegun = true;
            Event("response.output_item.added", json => Item(json, 0, j => response.WriteMessage(j, ended: false)));
            Event("response.content_part.added", json => Part(json, ""));
        }

        Event("response.output_text.delta", json =>
        {
            Place(json);
            json.WriteString("delta"u8, text);
            NoLogprobs(json);
        });
    }

    private void End()
    {
        var index = 0;
        if (_messageBegun)
        {
            Event("response.output_text.done", json =>
            {
                Place(json);
                json.WriteString("text"u8, response.Text);
                NoLogprobs(json);
            });
            Event("response.content_part.done", json => Part(json, response.Text));
            Event("response.output_item.done", json => Item(json, 0, j => response.WriteMessage(j, ended: true)));
            index = 1;
        }

        foreach (var call in response.Calls)
        {
            var at = index++;
            Event("response.output_item.added", j => Item(j, at, i => ResponseObject.WriteCall(i, call, ended: false)));
            Event(
                "response.function_call_arguments.delta",
                j => Arguments(j, at, call.ItemId, "delta", call.Arguments));
            Event(
                "response.function_call_arguments.done",
                j =>
                {
                    Arguments(j, at, call.ItemId, "arguments", call.Arguments);
                    j.WriteString("name"u8, call.Name);
                });
            Event("response.output_item.done", j => Item(j, at, i => ResponseObject.WriteCall(i, call, ended: true)));
        }

        Event(
            response.Whole ? "response.completed" : "response.incomplete", json => Response(json, ended: true));
    }

    private void Response(Utf8JsonWriter json, bool ended)
    {
        json.WritePropertyName("response"u8);
        response.Write(json, ended);
    }

    private void Place(Utf8JsonWriter json)
    {
        json.WriteString("item_id"u8, response.MessageId);
        json.WriteNumber("output_index"u8, 0);
        json.WriteNumber("content_index"u8, 0);
    }

    /// <summary>They can be asked for with 'include' only, which is not offered.</summary>
    private static void NoLogprobs(Utf8JsonWriter json)
    {
        json.WriteStartArray("logprobs"u8);
        json.WriteEndArray();
    }

    private void Part(Utf8JsonWriter json, string text)
    {
        Place(json);
        json.WritePropertyName("part"u8);
        ResponseObject.WritePart(json, text);
    }

    private static void Item(Utf8JsonWriter json, int index, Action<Utf8JsonWriter> item)
    {
        json.WriteNumber("output_index"u8, index);
        json.WritePropertyName("item"u8);
        item(json);
    }

    private static void Arguments(Utf8JsonWriter json, int index, string item, string name, string arguments)
    {
        json.WriteString("item_id"u8, item);
        json.WriteNumber("output_index"u8, index);
        json.WriteString(name, arguments);
    }

    private void Event(string type, Action<Utf8JsonWriter> members)
    {
        Encoding.UTF8.GetBytes($"event: {type}\ndata: ", output);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("type"u8, type);
            json.WriteNumber("sequence_number"u8, _sequence++);
            members(json);
            json.WriteEndObject();
        }

        output.Write("\n\n"u8);
    }
}
