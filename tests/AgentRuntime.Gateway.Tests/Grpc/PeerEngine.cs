using System.Diagnostics;
using System.Text.Json;
using AgentRuntime.TestKit;
using Google.Protobuf.Reflection;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>
/// An engine by python3-grpcio (tests/peers/grpc-engines) that answers as vLLM's or SGLang's own servicer does.
/// </summary>
internal sealed class PeerEngine : IAsyncDisposable
{
    private readonly Process _process;
    private readonly DirectoryInfo _folder;
    private readonly List<JsonElement> _events = [];
    private readonly Task _reading;
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PeerEngine(Process process, DirectoryInfo folder, string name)
    {
        _process = process;
        _folder = folder;
        Name = name;
        _reading = ReadAsync();
    }

    /// <summary>Whether python3-grpcio is there.</summary>
    public static bool IsInstalled { get; } = Python.Has("grpc", "google.protobuf");

    public string Name { get; }

    public int Port { get; private set; }

    public EngineDescriptor Descriptor => new(Name, new Uri($"grpc://127.0.0.1:{Port}"), EngineKind.Vllm)
    {
        SharedCache = true,
    };

    public static async Task<PeerEngine> StartAsync(
        string name = "peer", string dialect = "vllm", string? template = "qwen2.5")
    {
        var folder = Directory.CreateTempSubdirectory("agentruntime-peer-");
        TinyModel.Write(folder.FullName, template is null ? null : JinjaOracle.Template(template));
        FileDescriptor[] files =
        [
            Rpc.Vllm.KvEventsReflection.Descriptor, Rpc.Vllm.VllmEngineReflection.Descriptor,
            Rpc.SgLang.SglangSchedulerReflection.Descriptor,
        ];
        var process = Python.Start(
            Path.Combine(Repository.Root, "tests", "peers", "grpc-engines", "engine.py"), [dialect, folder.FullName],
            ("DESCRIPTORS", string.Join(',', files.Select(d => Convert.ToBase64String(d.SerializedData.Span)))));
        var engine = new PeerEngine(process, folder, name);
        engine.Port = await engine._port.Task.WaitAsync(Eventually.Patience);
        return engine;
    }

    /// <summary>What happened of a kind so far.</summary>
    public IReadOnlyList<JsonElement> Events(string kind)
    {
        lock (_events)
            return [.. _events.Where(e => e.GetProperty("event").GetString() == kind)];
    }

    /// <summary>The first of a kind, when it has happened.</summary>
    public async Task<JsonElement> EventAsync(string kind) => (await EventsAsync(kind, 1))[0];

    /// <summary>What happened of a kind, once it has so often.</summary>
    public async Task<IReadOnlyList<JsonElement>> EventsAsync(string kind, int atLeast)
    {
        await Eventually.BecomesTrueAsync(() => Events(kind).Count >= atLeast);
        return Events(kind);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
        await _reading;
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private async Task ReadAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var json = JsonDocument.Parse(line).RootElement;
            lock (_events)
                _events.Add(json);
            if (json.GetProperty("event").GetString() == "listening")
                _port.TrySetResult(json.GetProperty("port").GetInt32());
        }

        _port.TrySetException(new InvalidOperationException("the peer ended"));
    }
}
