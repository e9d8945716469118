using AgentRuntime.Abstractions;
using Microsoft.AspNetCore.Http;

namespace AgentRuntime.Gateway;

/// <summary>What the caller's tenant keeps in the store, and how it makes room in its memory. Thread-safe.</summary>
internal sealed class StorageEndpoint(ITenantStorage storage, IMemoryStore memory, StorageLimits limits)
{
    /// <summary><c>GET /v1/storage</c>.</summary>
    public async Task GetAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var use = await storage.UseAsync(caller.Tenant, cancellationToken);
        await JsonAnswer.WriteAsync(
            context, 200, StorageResource.From(use, limits), WireJson.Default.StorageResource);
    }

    /// <summary><c>DELETE /v1/memory/{bucket}</c>: all of its keys, whether or not the bundle has it by now.</summary>
    public async Task ClearAsync(HttpContext context, WorkIdentity caller, CancellationToken cancellationToken)
    {
        var bucket = context.Request.RouteValues["bucket"] as string ?? "";
        if (!await memory.ClearAsync(caller.Tenant, bucket, cancellationToken))
        {
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.NotFound, "there is no memory of that name that has keys", "bucket",
                "GET /v1/storage lists those there are."));
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
