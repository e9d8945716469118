using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Tests.Transfer;

/// <summary>What a peer does wrong while it is read.</summary>
public enum PeerFault
{
    /// <summary>The connection ends in the middle of a segment.</summary>
    CutInSegment,

    /// <summary>A byte of a segment is changed.</summary>
    WrongBytes,

    /// <summary>A segment's header is changed, and its checksum with it.</summary>
    WrongHeader,

    /// <summary>A value of a segment is no number, and its checksum is right.</summary>
    NotANumber,

    /// <summary>A segment never comes.</summary>
    Silent,

    /// <summary>Each segment comes when two more heartbeats have passed.</summary>
    Slow,

    /// <summary>The manifest is no JSON.</summary>
    ManifestIsNoJson,

    /// <summary>The manifest lacks what it must have.</summary>
    ManifestIsEmpty,

    /// <summary>The manifest's segments leave positions out.</summary>
    ManifestHasAGap,

    /// <summary>The manifest promises more bytes than a node may hold.</summary>
    ManifestIsHuge,

    /// <summary>A segment of the manifest is null.</summary>
    ManifestHasANull,

    /// <summary>The manifest comes in an encoding that nobody knows.</summary>
    ManifestHasNoEncoding,
}

/// <summary>Stands before a real node and spoils what it sends.</summary>
internal sealed class FaultyPeer(WebApplication app, HttpClient node, SemaphoreSlim heartbeats) : IAsyncDisposable
{
    /// <summary>The end of a NaN, in 16 bits and in 32.</summary>
    public static readonly byte[] NoNumber = [0xC0, 0x7F];

    public int Port => new Uri(app.Urls.First()).Port;

    /// <param name="node">The node before which it stands.</param>
    /// <param name="fault">What it does wrong.</param>
    /// <param name="afterHeartbeat">What happens whenever the node has had a heartbeat.</param>
    public static async Task<FaultyPeer> StartAsync(Uri node, PeerFault fault, Action? afterHeartbeat = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var http = new HttpClient { BaseAddress = node };
        var peer = new FaultyPeer(app, http, new(0));
        app.Run(context => peer.ServeAsync(context, fault, afterHeartbeat));
        await app.StartAsync();
        return peer;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        node.Dispose();
        heartbeats.Dispose();
    }

    private async Task ServeAsync(HttpContext context, PeerFault fault, Action? afterHeartbeat)
    {
        var path = context.Request.Path.Value!;
        if (context.Request.Method == "POST")
        {
            using var answer = await node.PostAsync(path, content: null);
            context.Response.StatusCode = (int)answer.StatusCode;
            afterHeartbeat?.Invoke();
            heartbeats.Release();
            return;
        }

        using var real = await node.GetAsync(path + context.Request.QueryString);
        if (real.StatusCode == HttpStatusCode.NoContent)
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }

        var bytes = context.Request.Method == "GET" ? await real.Content.ReadAsByteArrayAsync() : [];
        context.Response.ContentLength = path.Contains("/segments/", StringComparison.Ordinal) ? bytes.Length : null;
        if (path.Contains("/segments/", StringComparison.Ordinal))
        {
            switch (fault)
            {
                case PeerFault.CutInSegment:
                    await context.Response.Body.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
                    await context.Response.Body.FlushAsync();
                    context.Abort();
                    return;
                case PeerFault.Silent:
                    await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted)
                        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    return;
                case PeerFault.WrongBytes:
                    bytes[^1] ^= 1;
                    break;
                case PeerFault.Slow:
                    await TwoHeartbeatsAsync(context.RequestAborted);
                    break;
                default:
                    bytes = Spoil(bytes, fault);
                    break;
            }
        }
        else if (fault is PeerFault.WrongHeader or PeerFault.NotANumber && bytes.Length > 0)
        {
            var segment = Spoil(await node.GetByteArrayAsync($"{path}/segments/0"), fault);
            var json = System.Text.Json.Nodes.JsonNode.Parse(bytes)!;
            json["segments"]![0]!["sha256"] = Node.Transfer.KvSegment.Digest(segment);
            bytes = System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());
            context.Response.ContentType = "application/json";
        }
        else if (bytes.Length > 0)
        {
            bytes = SpoilManifest(bytes, fault);
            context.Response.ContentType = fault == PeerFault.ManifestHasNoEncoding
                ? "application/json; charset=nobody-knows" : "application/json";
        }

        await context.Response.Body.WriteAsync(bytes);
    }

    private async Task TwoHeartbeatsAsync(CancellationToken cancellationToken)
    {
        while (heartbeats.Wait(0, CancellationToken.None))
        {
            // It was for a segment before.
        }

        for (var i = 0; i < 2; i++) await heartbeats.WaitAsync(cancellationToken);
    }

    private static byte[] SpoilManifest(byte[] manifest, PeerFault fault)
    {
        if (fault == PeerFault.ManifestIsNoJson) return "<html>"u8.ToArray();
        if (fault == PeerFault.ManifestIsEmpty) return "{}"u8.ToArray();
        var json = System.Text.Json.Nodes.JsonNode.Parse(manifest)!;
        if (fault == PeerFault.ManifestHasNoEncoding) json["complete"] = false;
        if (fault == PeerFault.ManifestHasAGap) json["segments"]!.AsArray().RemoveAt(0);
        if (fault == PeerFault.ManifestHasANull) json["segments"]![0] = null;
        if (fault == PeerFault.ManifestIsHuge) json["segments"]![0]!["bytes"] = int.MaxValue;
        return System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());
    }

    /// <summary>
    /// Makes the last value no number, or the first cell claim a position that the segment does not have.
    /// </summary>
    private static byte[] Spoil(byte[] segment, PeerFault fault)
    {
        if (fault == PeerFault.NotANumber) NoNumber.CopyTo(segment, segment.Length - NoNumber.Length);
        else segment[17] = 0x7F;
        return segment;
    }
}
