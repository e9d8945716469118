using System.Net.Http.Headers;
using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>Deploys, lists and deletes agents. Thread-safe.</summary>
public sealed class AgentsClient
{
    /// <summary>
    /// How often a module is sent again that waits to be compiled: with half a minute each, that is for ten minutes.
    /// </summary>
    private const int MostWaits = 20;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly ControlApi _api;
    private readonly TimeProvider _time;

    internal AgentsClient(ControlApi api, TimeProvider time) => (_api, _time) = (api, time);

    /// <summary>
    /// Deploys a Wasm module: a new agent, or the next version of the one of that name. One that takes long to compile,
    /// or waits for others, keeps its place on the platform; it is sent again until it is its turn.
    /// </summary>
    /// <param name="agent"><c>project/agent</c>.</param>
    /// <param name="wasm">The module's bytes; the platform validates and compiles them before it answers.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RuntimeErrorException">
    /// AR3001 to AR3005 and AR3012 when the module cannot run; AR1003 when too large; AR3014 when its turn has not come
    /// in about ten minutes; AR6007 when the tenant may keep no more.
    /// </exception>
    public async Task<AgentResource> DeployAsync(
        string agent, ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken)
    {
        for (var waits = 0; ; waits++)
        {
            TimeSpan wait;
            try
            {
                return await PutAsync(agent, wasm, cancellationToken);
            }
            catch (RuntimeErrorException e) when (waits < MostWaits && e.Error.Code == ReasonCodes.SandboxBusy)
            {
                wait = e.Error.RetryAfter ?? LongestWait;
            }

            await Task.Delay(wait < LongestWait ? wait : LongestWait, _time, cancellationToken);
        }
    }

    /// <summary>Takes an agent away; runs of it that are under way go on.</summary>
    /// <param name="agent"><c>project/agent</c>.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RuntimeErrorException">AR1006: there is none of that name.</exception>
    public Task DeleteAsync(string agent, CancellationToken cancellationToken) =>
        _api.DeleteAsync(AgentPath.Of(agent), cancellationToken);

    /// <summary>The tenant's agents, ordered by name.</summary>
    public async Task<IReadOnlyList<AgentResource>> ListAsync(CancellationToken cancellationToken) =>
        (await _api.GetAsync("v1/agents", WireJson.Default.AgentList, cancellationToken)).Agents;

    private async Task<AgentResource> PutAsync(
        string agent, ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, AgentPath.Of(agent));
        request.Content = new ReadOnlyMemoryContent(wasm);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/wasm");
        return await _api.ReadAsync(request, WireJson.Default.AgentResource, cancellationToken);
    }
}
