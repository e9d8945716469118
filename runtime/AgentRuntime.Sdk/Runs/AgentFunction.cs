using System.Text.Json;
using AgentRuntime.Abstractions;
using Microsoft.Extensions.AI;

namespace AgentRuntime.Sdk;

/// <summary>
/// An agent of the platform as an <see cref="AIFunction"/>: another program's model can call it like any tool. The
/// function takes one string, <c>input</c>, runs the agent to its end and returns its output. Cancelling the call
/// cancels the run. Thread-safe.
/// </summary>
public sealed class AgentFunction : AIFunction
{
    private static readonly JsonElement Schema = JsonElement.Parse(
        """{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}""");

    /// <summary>For what must still be said to the platform once the call is cancelled.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

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
        cancellationToken.ThrowIfCancellationRequested();
        using var grace = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _client.Time);
        await using var cancelled = cancellationToken.UnsafeRegister(
            static state => ((CancellationTokenSource)state!).CancelAfter(Grace), grace);

        // A start that was given up half-way could leave a run that nobody knows the name of.
        var begun = await _client.Runs.StartAsync(_agent, input ?? "", grace.Token);
        RunResource run;
        try
        {
            run = await _client.Runs.FollowAsync(begun.Id, null, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            await CancelAsync(begun.Id, grace.Token);
            throw;
        }

        return run.Error is null ? run.Output : throw new RuntimeErrorException(run.Error.ToError());
    }

    /// <summary>As well as it goes: the caller is waiting for its cancellation, not for reasons.</summary>
    private async Task CancelAsync(string run, CancellationToken cancellationToken)
    {
        try
        {
            await _client.Runs.CancelAsync(run, cancellationToken);
        }
        catch (Exception e) when (
            e is OperationCanceledException or HttpRequestException or IOException or RuntimeErrorException)
        {
        }
    }
}
