namespace AgentRuntime.Abstractions;

/// <summary>Changes tenants' bundles: what the edge offers to whoever may administer policy. Thread-safe.</summary>
public interface IPolicyAdministration
{
    /// <summary>
    /// Validates a bundle as one and, when nothing is wrong with it, puts it in force for the tenant atomically and
    /// durably. What is wrong comes back all at once; the bundle in force then stays.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="files">Text of the bundle's files by relative path with forward slashes.</param>
    /// <param name="cancellationToken">Cancels before the bundle is in force, never halfway.</param>
    ValueTask<ApplyOutcome> ApplyAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken);

    /// <summary>Says everything that is wrong with a bundle for a tenant, and changes nothing.</summary>
    ValueTask<ApplyOutcome> ValidateAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken);
}

/// <summary>What became of a bundle. Immutable.</summary>
/// <param name="Bundle">Its content address; null when it could not be read at all.</param>
/// <param name="Problems">What is wrong (AR2007 and others, with file and line); empty when it is valid.</param>
public sealed record ApplyOutcome(BundleDigest? Bundle, IReadOnlyList<RuntimeError> Problems)
{
    /// <summary>The version that the bundle has now; null when nothing was put in force.</summary>
    public int? Version { get; init; }
}
