using System.Net.Http.Headers;
using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>
/// A tenant's view of a platform: start and follow runs, deploy agents, apply policy. Thread-safe; one client serves
/// a whole process. Every refusal is a <see cref="RuntimeErrorException"/> with the platform's AR code.
/// </summary>
public sealed class AgentRuntimeClient : IDisposable
{
    private readonly ControlApi _api;

    /// <summary>A client of the platform at an address, with an API key of the tenant.</summary>
    /// <param name="address">Such as <c>http://127.0.0.1:8790</c>.</param>
    /// <param name="apiKey">Sent as bearer credential, never logged.</param>
    /// <param name="handler">Sends the requests; null for a handler of the client's own.</param>
    /// <param name="time">Times what is waited before a broken connection is made anew; null for the system's.</param>
    public AgentRuntimeClient(
        Uri address, string apiKey, HttpMessageHandler? handler = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentException.ThrowIfNullOrWhiteSpace(apiKey);
        Http = handler is null ? new HttpClient() : new HttpClient(handler, disposeHandler: false);
        Http.BaseAddress = address.AbsoluteUri.EndsWith('/') ? address : new Uri(address.AbsoluteUri + "/");
        Http.Timeout = Timeout.InfiniteTimeSpan; // streams last as long as their run; callers cancel
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", apiKey);
        _api = new ControlApi(Http);
        Time = time ?? TimeProvider.System;
        Runs = new RunsClient(_api, Time);
        Approvals = new ApprovalsClient(_api);
        Agents = new AgentsClient(_api, Time);
        Policy = new PolicyClient(_api);
        Storage = new StorageClient(_api);
    }

    /// <summary>Runs.</summary>
    public RunsClient Runs { get; }

    /// <summary>Calls that wait for a person.</summary>
    public ApprovalsClient Approvals { get; }

    /// <summary>Agents.</summary>
    public AgentsClient Agents { get; }

    /// <summary>Policy.</summary>
    public PolicyClient Policy { get; }

    /// <summary>What the tenant keeps.</summary>
    public StorageClient Storage { get; }

    internal HttpClient Http { get; }

    internal TimeProvider Time { get; }

    /// <summary>The models that this tenant's platform serves.</summary>
    public async Task<IReadOnlyList<string>> ListModelsAsync(CancellationToken cancellationToken)
    {
        var list = await _api.GetAsync("v1/models", SdkJson.Default.ModelListBody, cancellationToken);
        return [.. list.Data.Select(model => model.Id)];
    }

    /// <summary>How the tenant's requests of the last hour fared against its service classes.</summary>
    public async Task<IReadOnlyList<ServiceLevelResource>> ListServiceLevelsAsync(
        CancellationToken cancellationToken) =>
        (await _api.GetAsync("v1/slo", WireJson.Default.ServiceLevelList, cancellationToken)).ServiceLevels;

    /// <summary>
    /// Puts a policy bundle in force, or with <paramref name="dryRun"/> only says what is wrong with it.
    /// </summary>
    /// <param name="files">Text of the bundle's files by relative path with forward slashes.</param>
    /// <param name="dryRun">Validate only.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The bundle's content address, and its problems when it was not applied.</returns>
    public Task<PolicyBundleResource> ApplyPolicyAsync(
        IReadOnlyDictionary<string, string> files, bool dryRun, CancellationToken cancellationToken) =>
        _api.PutPolicyAsync(new PolicyBundleBody(files), dryRun, cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => Http.Dispose();
}
