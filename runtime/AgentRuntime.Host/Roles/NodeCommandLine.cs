using System.CommandLine;
using AgentRuntime.Abstractions;
using AgentRuntime.Host.Composition;
using AgentRuntime.Host.Seeding;
using AgentRuntime.Node;
using AgentRuntime.Node.Registration;

namespace AgentRuntime.Host.Roles;

/// <summary><c>agentruntime node</c>: one inference engine.</summary>
internal static class NodeCommandLine
{
    public static Command Create()
    {
        var model = new Option<FileInfo?>("--model") { Description = "A GGUF file; needed unless --simulate" };
        var name = new Option<string>("--name") { Description = "Its name", DefaultValueFactory = _ => "node" };
        var modelName = new Option<string?>("--model-name") { Description = "The name that clients use" };
        var port = new Option<int>("--port") { Description = "Port at --host; default 0, any free one" };
        var grpc = new Option<int?>("--grpc-listen")
        {
            Description = "Port at --host for gRPC (vllm.grpc.engine.VllmEngine); 0 takes any free one",
        };
        var events = new Option<int?>("--kv-events-port")
        {
            Description = "Port at --host for KV events on ZeroMQ; 0 takes any free one",
        };
        var replay = new Option<int?>("--kv-replay-port") { Description = "Port for their replay" };
        var peers = new Option<string[]>("--kv-peer")
        {
            Description = "Host of a node that KV state may be fetched from, as that one's --host names it; "
                + "may be given again; default loopback addresses alone",
        };
        peers.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
                if (!NodeOptions.IsHost(token.Value))
                    result.AddError($"--kv-peer: '{token.Value}' is neither an IP address nor a host name");
        });
        var simulation = new SimulationFlags();
        var compute = new ComputeFlags();
        var context = Number("--context", "Tokens of a sequence", 4096);
        var parallel = Number("--parallel", "Sequences at once", 4);
        var threads = new Option<int>("--threads") { Description = "Threads; 0 for one a core" };
        var host = new Option<string>("--host")
        {
            Description = "Address to listen on; the node has no authentication of its own; default 127.0.0.1",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        var role = new Option<NodeRole>("--role")
        {
            Description = "What it is meant for: both, prefill or decode; default both",
            DefaultValueFactory = _ => NodeRole.Both,
        };
        var register = new Option<string[]>("--register") { Description = "Address of an edge to register with" };
        var registerKey = new Option<FileInfo?>("--register-key-file") { Description = "File of the join secret" };
        var advertise = new Option<string?>("--advertise") { Description = "Address that edges reach it by" };
        var drain = Number("--drain-seconds", "Seconds that it waits for its requests when it is told to stop", 30);
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input closes" };
        var command = new Command("node", "One inference engine on llama.cpp")
        {
            model, name, modelName, host, port, grpc, role, context, parallel, threads, events, replay, peers, register,
            registerKey, advertise, drain, exitWithParent,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(register) is { Length: > 0 } && result.GetValue(registerKey) is null)
                result.AddError("--register needs --register-key-file");
        });
        compute.AddTo(command);
        simulation.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var engine = parsed.GetRequiredValue(name);
            using var telemetry = Telemetry.Start("node", engine);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (parsed.GetValue(exitWithParent)) _ = CancelAtEndOfInputAsync(stop);
            var options = new NodeOptions
            {
                ModelPath = parsed.GetValue(model)?.FullName ?? "",
                ModelName = parsed.GetValue(modelName),
                EngineName = engine,
                Host = parsed.GetRequiredValue(host),
                Port = parsed.GetValue(port),
                GrpcPort = parsed.GetValue(grpc),
                Role = parsed.GetValue(role),
                KvEventPort = parsed.GetValue(events),
                KvReplayPort = parsed.GetValue(replay),
                KvPeers = parsed.GetValue(peers) ?? [],
                Registration = Registration(
                    parsed.GetValue(register) ?? [], parsed.GetValue(registerKey), parsed.GetValue(advertise),
                    parsed.GetValue(drain)),
                ContextTokens = parsed.GetValue(context),
                ParallelSequences = parsed.GetValue(parallel),
            };
            if (parsed.GetValue(threads) is not 0 and var count) options = options with { Threads = count };
            // Its edges wait for it where it has any; where its parent is gone nobody does.
            if (options.Registration is null && !parsed.GetValue(exitWithParent))
                options = options with { StopTimeout = Drain(parsed.GetValue(drain)) };
            await InferenceNode.RunAsync(
                simulation.Apply(parsed, compute.Apply(parsed, options)), Logging.Factory, stop.Token);
            return 0;
        });
        return command;
    }

    private static NodeRegistrationOptions? Registration(
        string[] edges, FileInfo? key, string? advertise, int drainSeconds) => edges.Length == 0 || key is null
            ? null
            : new()
            {
                Edges = [.. edges.Select(Address)],
                JoinSecret = SecretFile.ReadText(key.FullName),
                Address = advertise is null ? null : Address(advertise),
                DrainTimeout = Drain(drainSeconds),
            };

    private static TimeSpan Drain(int seconds) => TimeSpan.FromSeconds(Math.Clamp(seconds, 0, 3600));

    private static Uri Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address
            : throw new RuntimeErrorException(
                new RuntimeError(ReasonCodes.UsageError, $"'{text}' is not an http address", Action: "See --help."));

    private static Option<int> Number(string name, string description, int byDefault) =>
        new(name) { Description = $"{description}; default {byDefault}", DefaultValueFactory = _ => byDefault };

    /// <summary>A parent's death closes the pipe, however it died.</summary>
    private static async Task CancelAtEndOfInputAsync(CancellationTokenSource stop)
    {
        await Console.OpenStandardInput().CopyToAsync(Stream.Null, CancellationToken.None);
        await stop.CancelAsync();
    }
}
