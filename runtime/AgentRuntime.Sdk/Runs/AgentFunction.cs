using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Extensions.AI;

namespace AgentRuntime.Sdk;

/// <summary>
/// An agent of the platform as an <see cref="AIFunction"/>: another program's model can call it like any tool. The
/// function takes one string, <c>input</c>, runs the agent to its end and returns its output. Thread-safe.
/// </summary>
public sealed class AgentFunction : AIFunction
{
    private static readonly JsonElement Schema = JsonElement.Parse(
        """{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}""");

    private readonly AgentRuntimeClient _client;
    private readonly string _agent;

    /// <summary>An agent as a function.</summary>
    /// <param name="client">The platform.</param>
    /// <param name="agent"><c>project/agent</c>.</param>
    /// <param name="description">What the agent does, for the model that chooses.</param>
    public AgentFunction(AgentRuntimeClient client, string agent, string description)
    {
        ArgumentNullException.ThrowIfNull(client);
        _ = AgentPath.Of(agent);
        _client = client;
        _agent = agent;
        Description = description;
    }

    /// <summary>
    /// The agent's name with the slash replaced: models accept letters, digits, <c>_</c> and <c>-</c>.
    /// </summary>
    public override string Name => _agent.Replace('/', '_');

    /// <inheritdoc/>
    public override string Description { get; }

    /// <inheritdoc/>
    public override JsonElement JsonSchema => Schema;

    /// <inheritdoc/>
    protected override async ValueTask<object?> InvokeCoreAsync(
        AIFunctionArguments arguments, CancellationToken cancellationToken)
    {
        var input = arguments.TryGetValue("input", out var value) ? value?.ToString() : null;
        var run = await _client.Runs.RunToEndAsync(_agent, input ?? "", null, cancellationToken);
        return run.Error is null ? run.Output : throw new RuntimeErrorException(run.Error.ToError());
    }
}
