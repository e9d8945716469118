using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Server;
using AgentRuntime.Rpc.Vllm;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>An engine behind gRPC that has never heard of a salt and answers every prompt with itself.</summary>
internal sealed class ForeignEngine(WebApplication app, List<GenerateRequest> requests) : IAsyncDisposable
{
    public IReadOnlyList<GenerateRequest> Requests => requests;

    public Uri Address => new($"grpc://127.0.0.1:{new Uri(app.Urls.First()).Port}");

    /// <summary>What an answer waits for.</summary>
    public Task Held { get; set; } = Task.CompletedTask;

    /// <summary>What an answer's end waits for, when its text has been sent.</summary>
    public Task EndHeld { get; set; } = Task.CompletedTask;

    public static async Task<ForeignEngine> StartAsync(
        string? sum = null, string? handoff = null, bool isEndless = false, string serverType = "",
        RpcException? failure = null)
    {
        var requests = new List<GenerateRequest>();
        ForeignEngine? engine = null;
        var archive = Archive();
        var server = new RpcServer()
            .Unary(VllmEngine.HealthCheck, (_, _) => Task.FromResult(new HealthCheckResponse { Healthy = true }))
            .Unary(VllmEngine.GetModelInfo, (_, _) => Task.FromResult(new GetModelInfoResponse
            {
                ServedModelName = "m", MaxContextLength = 1000,
            }))
            .Unary(VllmEngine.GetServerInfo, (_, _) => Task.FromResult(new GetServerInfoResponse
            {
                ServerType = serverType,
            }))
            .Unary(VllmEngine.GetLoads, (_, _) => Task.FromResult(new GetLoadsResponse()))
            .ServerStreaming(VllmEngine.GetTokenizer, async (_, responses, _) => await responses.WriteAsync(new()
            {
                Data = ByteString.CopyFrom(archive),
                Sha256 = sum ?? Convert.ToHexStringLower(SHA256.HashData(archive)),
            }))
            .ServerStreaming(VllmEngine.Generate, async (request, responses, _) =>
            {
                requests.Add(request);
                await engine!.Held;
                while (isEndless)
                    await responses.WriteAsync(new() { Chunk = new() });
                await responses.WriteAsync(new()
                {
                    Chunk = new() { TokenIds = { request.Tokenized.InputIds } },
                });
                await engine.EndHeld;
                if (failure is not null)
                    throw failure;
                var complete = new GenerateComplete
                {
                    FinishReason = "stop", PromptTokens = 2, CompletionTokens = 2,
                };
                if (handoff is not null)
                    complete.KvTransferParamsJson = handoff;
                await responses.WriteAsync(new() { Complete = complete });
            });
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
            k.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.UseRpc(server);
        await app.StartAsync();
        return engine = new(app, requests);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static byte[] Archive()
    {
        using var buffer = new MemoryStream();
        using (var zip = new ZipArchive(buffer, ZipArchiveMode.Create, leaveOpen: true))
        using (var entry = zip.CreateEntry("tokenizer.gguf").Open())
            entry.Write(Encoding.UTF8.GetBytes("stands for a vocabulary"));
        return buffer.ToArray();
    }
}
