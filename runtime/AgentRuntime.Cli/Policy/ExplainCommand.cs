using System.CommandLine;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Cli.Reports;
using AgentRuntime.Sdk;

namespace AgentRuntime.Cli.Policy;

/// <summary>
/// <c>agentctl policy explain RUN CALL</c> for a decision that was made, or <c>--agent A --tool T --arguments JSON</c>
/// for one that might be.
/// </summary>
internal static class ExplainCommand
{
    private const long MaxHistoryBytes = 1 << 20;

    private static readonly Argument<string?> Run = new("run")
    {
        Description = "run_…: explain a decision of this run", Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Argument<int?> Call = new("call")
    {
        Description = "The number of the call, as the run's events show it", Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<string?> Agent = new("--agent") { Description = "project/agent that would ask" };

    private static readonly Option<string?> ClientProject = new("--client")
    {
        Description = "Project whose client would ask, in place of an agent",
    };

    private static readonly Option<string?> Tool = new("--tool") { Description = "server/tool that would be called" };

    private static readonly Option<string?> Model = new("--model") { Description = "Model that would be asked" };

    private static readonly Option<string?> Reads = new("--read-memory") { Description = "Bucket that would be read" };

    private static readonly Option<string?> Writes = new("--write-memory")
    {
        Description = "Bucket that would be changed",
    };

    private static readonly Option<string?> Key = new("--key")
    {
        Description = "The key in the bucket; without it, reading lists keys",
    };

    private static readonly Option<string?> Arguments = new("--arguments")
    {
        Description = "The tool's arguments as a JSON object",
    };

    private static readonly Option<FileInfo?> History = new("--history")
    {
        Description = "JSON file: a list of what the run did before, such as "
            + "[{\"tool\":\"shop/refund\",\"arguments\":{},\"ago_seconds\":60,\"outcome\":\"succeeded\"}]",
    };

    private static readonly Option<DirectoryInfo?> Bundle = new("--bundle")
    {
        Description = "Ask this folder's bundle in place of the one in force",
    };

    public static Command Create()
    {
        var command = new Command("explain", "Say which policies decided a call, and what would have to be true")
        {
            Run, Call, Agent, ClientProject, Tool, Model, Reads, Writes, Key, Arguments, History, Bundle,
            Listing.Json,
        };
        command.Validators.Add(result =>
        {
            var isRecorded = result.GetValue(Run) is not null;
            var isRequest = (result.GetValue(Agent) ?? result.GetValue(ClientProject)) is not null;
            if (isRecorded == isRequest || isRecorded != result.GetValue(Call) is not null)
                result.AddError("explain takes a run and the number of a call, or --agent or --client");
            else if (isRequest && Asked(result) != 1)
                result.AddError("a request takes either --tool, --model, --read-memory or --write-memory");
        });
        return command.Does(ExplainAsync);
    }

    private static int Asked(System.CommandLine.Parsing.CommandResult result)
    {
        string?[] given =
        [
            result.GetValue(Tool), result.GetValue(Model), result.GetValue(Reads), result.GetValue(Writes),
        ];
        return given.Count(g => g is not null);
    }

    private static async Task<int> ExplainAsync(
        ParseResult parsed, AgentRuntimeClient client, CancellationToken cancellationToken)
    {
        var question = new PolicyExplainBody
        {
            Run = parsed.GetValue(Run),
            Call = parsed.GetValue(Call),
            Agent = parsed.GetValue(Agent),
            Client = parsed.GetValue(ClientProject),
            Tool = parsed.GetValue(Tool),
            Model = parsed.GetValue(Model),
            Memory = (parsed.GetValue(Reads) ?? parsed.GetValue(Writes)) is null
                ? null
                : new() { Read = parsed.GetValue(Reads), Write = parsed.GetValue(Writes), Key = parsed.GetValue(Key) },
            Arguments = parsed.GetValue(Arguments) is { } text ? Parse(text, "--arguments") : null,
            History = parsed.GetValue(History) is { } file ? ReadHistory(file) : null,
            Files = parsed.GetValue(Bundle) is { } folder ? BundleArgument.Read(folder) : null,
        };
        var answer = await client.Policy.ExplainAsync(question, cancellationToken);
        return parsed.Print(answer, WireJson.Default.PolicyExplanationResource, PolicyText.Explanation);
    }

    private static JsonElement Parse(string text, string where)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException e)
        {
            throw Usage($"{where} is not JSON: {e.Message}", where);
        }
    }

    private static IReadOnlyList<PolicyEventBody> ReadHistory(FileInfo file)
    {
        // The wire's own reader, so that the file has the form that the API takes.
        var body = $$"""{"history":{{Failure.ReadText(file, MaxHistoryBytes)}}}""";
        try
        {
            return JsonSerializer.Deserialize(body, WireJson.Default.PolicyExplainBody)?.History ?? [];
        }
        catch (JsonException e)
        {
            throw Usage($"{file} is not a list of events: {e.Message}", file.ToString());
        }
    }

    private static RuntimeErrorException Usage(string message, string where) =>
        new(new RuntimeError(ReasonCodes.UsageError, message, where));
}
