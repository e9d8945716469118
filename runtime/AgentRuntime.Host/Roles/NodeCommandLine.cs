using System.CommandLine;
using AgentRuntime.Host.Composition;
using AgentRuntime.Node;

namespace AgentRuntime.Host.Roles;

/// <summary><c>agentruntime node</c>: one inference engine.</summary>
internal static class NodeCommandLine
{
    public static Command Create()
    {
        var model = new Option<FileInfo>("--model") { Description = "A GGUF file", Required = true };
        var name = new Option<string>("--name") { Description = "Its name", DefaultValueFactory = _ => "node" };
        var modelName = new Option<string?>("--model-name") { Description = "The name that clients use" };
        var port = new Option<int>("--port") { Description = "Port on 127.0.0.1; 0 takes any free one" };
        var grpc = new Option<int?>("--grpc-listen")
        {
            Description = "Port on 127.0.0.1 for gRPC (vllm.grpc.engine.VllmEngine); 0 takes any free one",
        };
        var context = Number("--context", "Tokens of a sequence", 4096);
        var parallel = Number("--parallel", "Sequences at once", 4);
        var threads = new Option<int>("--threads") { Description = "Threads; 0 for one a core" };
        var exitWithParent = new Option<bool>("--exit-with-parent") { Description = "End when standard input closes" };
        var command = new Command("node", "One inference engine on llama.cpp")
        {
            model, name, modelName, port, grpc, context, parallel, threads, exitWithParent,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var file = parsed.GetRequiredValue(model);
            var engine = parsed.GetRequiredValue(name);
            using var telemetry = Telemetry.Start("node", engine);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (parsed.GetValue(exitWithParent)) _ = CancelAtEndOfInputAsync(stop);
            var options = new NodeOptions
            {
                ModelPath = file.FullName,
                ModelName = parsed.GetValue(modelName),
                EngineName = engine,
                Port = parsed.GetValue(port),
                GrpcPort = parsed.GetValue(grpc),
                ContextTokens = parsed.GetValue(context),
                ParallelSequences = parsed.GetValue(parallel),
            };
            if (parsed.GetValue(threads) is > 0 and var count) options = options with { Threads = count };
            await InferenceNode.RunAsync(options, stop.Token);
            return 0;
        });
        return command;
    }

    private static Option<int> Number(string name, string description, int byDefault) =>
        new(name) { Description = $"{description}; default {byDefault}", DefaultValueFactory = _ => byDefault };

    /// <summary>A parent's death closes the pipe, however it died.</summary>
    private static async Task CancelAtEndOfInputAsync(CancellationTokenSource stop)
    {
        await Console.OpenStandardInput().CopyToAsync(Stream.Null, CancellationToken.None);
        await stop.CancelAsync();
    }
}
