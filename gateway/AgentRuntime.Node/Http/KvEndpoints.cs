using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Node.Transfer;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Node.Http;

/// <summary>Exported KV state for other nodes. An id that is wrong, released or expired is the same 404.</summary>
internal static class KvEndpoints
{
    private const int SliceBytes = 64 << 10;

    public static async Task ManifestAsync(HttpContext context, NodeService node, string id)
    {
        if (node.Leases.Touch(id) is not { } lease)
        {
            await MissingAsync(context);
            return;
        }

        var export = lease.Export;
        var manifest = new KvManifest(
            node.EngineName, node.Model.Digest, node.Model.StateFormat, lease.PromptDigest, export.Tokens,
            export.IsComplete,
            [.. export.Segments.Select(s => new KvManifestSegment(s.From, s.To, s.Length, s.Sha256))],
            lease.AdapterDigest);
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, manifest, KvJson.Default.KvManifest,
            context.RequestAborted);
    }

    /// <summary>
    /// A segment's bytes. With <c>?wait</c> the answer comes when the segment has been computed: 204 after the last.
    /// </summary>
    public static async Task SegmentAsync(HttpContext context, NodeService node, string id, int index)
    {
        if (node.Leases.Touch(id)?.Export is not { } export || index < 0)
        {
            await MissingAsync(context);
            return;
        }

        if (!export.BeginRead())
        {
            await MissingAsync(context);
            return;
        }

        try
        {
            var wait = context.Request.Query.ContainsKey("wait");
            var segment = wait
                ? await export.SegmentAsync(index, context.RequestAborted)
                : export.Segments.ElementAtOrDefault(index);
            if (segment is not null)
                await WriteAsync(context, segment);
            else if (wait && export.IsComplete)
                context.Response.StatusCode = StatusCodes.Status204NoContent;
            else
                await MissingAsync(context);
        }
        finally
        {
            export.EndRead();
        }
    }

    /// <summary>
    /// Tells that state is being computed for this node: 202 when it is fetched from now on, 204 when it will be once a
    /// request asks for it.
    /// </summary>
    public static async Task ExpectAsync(HttpContext context, NodeService node)
    {
        KvTransferParams from;
        try
        {
            using var body = await CompletionEndpoint.ReadBodyAsync(context);
            from = RequestJson.Read(() => KvTransferParams.Parse(body.RootElement));
        }
        catch (FormatException e)
        {
            await ErrorResponse.WriteAsync(context, new(ReasonCodes.MalformedRequest, e.Message));
            return;
        }

        context.Response.StatusCode = node.Expectations.Begin(from)
            ? StatusCodes.Status202Accepted
            : StatusCodes.Status204NoContent;
    }

    public static Task Heartbeat(HttpContext context, NodeService node, string id) =>
        Done(context, node.Leases.Touch(id) is not null);

    /// <summary>Lets state go that nobody will fetch from here, or ask for here where it was fetched ahead.</summary>
    public static Task Release(HttpContext context, NodeService node, string id) => Done(context, node.LetGo(id));

    private static async Task WriteAsync(HttpContext context, KvSegment segment)
    {
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = segment.Length;
        context.Response.Headers["X-Kv-Sha256"] = segment.Sha256;
        // In slices: the server copies all that one call gives it before it sends the first byte.
        for (var at = 0; at < segment.Length; at += SliceBytes)
        {
            var slice = segment.State.Slice(at, Math.Min(SliceBytes, segment.Length - at));
            await context.Response.Body.WriteAsync(slice, context.RequestAborted);
        }
    }

    private static Task Done(HttpContext context, bool found)
    {
        if (!found) return MissingAsync(context);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static Task MissingAsync(HttpContext context) =>
        ErrorResponse.WriteAsync(context, new(ReasonCodes.NotFound, "no KV state has that id", "id"));
}
