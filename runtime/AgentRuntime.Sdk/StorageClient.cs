using AgentRuntime.Abstractions;
using AgentRuntime.Sdk.Http;

namespace AgentRuntime.Sdk;

/// <summary>What the tenant keeps in the store, and how to make room in its memory. Thread-safe.</summary>
public sealed class StorageClient
{
    private readonly ControlApi _api;

    internal StorageClient(ControlApi api) => _api = api;

    /// <summary>What the tenant keeps, and may keep.</summary>
    public Task<StorageResource> GetAsync(CancellationToken cancellationToken) =>
        _api.GetAsync("v1/storage", WireJson.Default.StorageResource, cancellationToken);

    /// <summary>Takes all keys of a bucket away.</summary>
    /// <exception cref="RuntimeErrorException">AR1005: it has none.</exception>
    /// <exception cref="ArgumentException">No bucket has such a name, which may lead elsewhere.</exception>
    public Task ClearMemoryAsync(string bucket, CancellationToken cancellationToken) =>
        ResourceName.IsLabel(bucket)
            ? _api.DeleteAsync($"v1/memory/{bucket}", cancellationToken)
            : throw new ArgumentException($"'{bucket}' is no bucket's name", nameof(bucket));
}
