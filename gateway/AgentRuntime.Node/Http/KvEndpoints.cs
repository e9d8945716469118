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
            [.. export.Segments.Select(s => new KvManifestSegment(s.From, s.To, s.State.Length, s.Sha256))],
            lease.AdapterDigest);
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, manifest, KvJson.Default.KvManifest,
            context.RequestAborted);
    }

    public static async Task SegmentAsync(HttpContext context, NodeService node, string id, int index)
    {
        if (node.Leases.Touch(id)?.Export.Segments is not { } segments || index < 0 || index >= segments.Count)
        {
            await MissingAsync(context);
            return;
        }

        var segment = segments[index];
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = segment.State.Length;
        context.Response.Headers["X-Kv-Sha256"] = segment.Sha256;
        // In slices: the server copies all that one call gives it before it sends the first byte.
        for (var at = 0; at < segment.State.Length; at += SliceBytes)
        {
            var slice = segment.State.Slice(at, Math.Min(SliceBytes, segment.State.Length - at));
            await context.Response.Body.WriteAsync(slice, context.RequestAborted);
        }
    }

    public static Task Heartbeat(HttpContext context, NodeService node, string id) =>
        Done(context, node.Leases.Touch(id) is not null);

    public static Task Release(HttpContext context, NodeService node, string id) =>
        Done(context, node.Leases.Release(id));

    private static Task Done(HttpContext context, bool found)
    {
        if (!found) return MissingAsync(context);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    private static Task MissingAsync(HttpContext context) =>
        ErrorResponse.WriteAsync(context, new(ReasonCodes.NotFound, "no KV state has that id", "id"));
}
