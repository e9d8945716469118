namespace AgentRuntime.Abstractions;

/// <summary>
/// A tenant's bundles over time: what is in force, what was, what decides in shadow. Every change is atomic and
/// durable, and names who made it; work in flight keeps the bundle that it started with. Thread-safe.
/// </summary>
public interface IPolicyVersions
{
    /// <summary>As <see cref="IPolicyAdministration.ApplyAsync"/>, with who did it.</summary>
    /// <param name="caller">Whose bundle, and who changes it.</param>
    /// <param name="files">Text of the bundle's files by relative path with forward slashes.</param>
    /// <param name="cancellationToken">Cancels before the bundle is in force, never halfway.</param>
    ValueTask<ApplyOutcome> ApplyAsync(
        WorkIdentity caller, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken);

    /// <summary>Puts an earlier version's bundle in force again, as a new version.</summary>
    /// <param name="caller">Whose bundle, and who changes it.</param>
    /// <param name="version">The version; null for the newest one whose content is another than what is in
    /// force.</param>
    /// <param name="cancellationToken">Cancels before the bundle is in force, never halfway.</param>
    /// <exception cref="RuntimeErrorException">AR2011: no such version is kept.</exception>
    ValueTask<ApplyOutcome> RollbackAsync(WorkIdentity caller, int? version, CancellationToken cancellationToken);

    /// <summary>The tenant's versions, newest first: the first one is in force.</summary>
    ValueTask<IReadOnlyList<BundleVersion>> HistoryAsync(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>
    /// Lets a bundle decide beside the one in force without enforcing it, for runs that start from now on, until
    /// <see cref="EndShadowAsync"/>; also after a restart. What it decides is in the audit log.
    /// </summary>
    ValueTask<ApplyOutcome> BeginShadowAsync(
        WorkIdentity caller, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken);

    /// <summary>Ends the shadow; runs that began under it keep it. False when there was none.</summary>
    ValueTask<bool> EndShadowAsync(WorkIdentity caller, CancellationToken cancellationToken);
}
