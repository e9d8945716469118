using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Answers questions about a tenant's bundles: composes the analyses of this project over the decision point, the
/// recorded decisions and the journal. Thread-safe; few questions are worked on at once, off the threads that serve.
/// </summary>
public sealed partial class PolicyAnalysis : IPolicyAnalysis, IDisposable
{
    private const int DefaultSimulationDays = 7;
    private const int DefaultAuditDays = 30;
    private const int MaxDays = 365;
    private const int MaxAtOnce = 2;

    private readonly PolicyDecisionPoint _point;
    private readonly IBundleStore _store;
    private readonly RecordedDecisions _recorded;
    private readonly RunReplay _replay;
    private readonly PolicyOptions _options;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _working = new(MaxAtOnce, MaxAtOnce);

    /// <summary>Composes the analyses.</summary>
    /// <param name="point">The bundles in force.</param>
    /// <param name="store">The bundles that were.</param>
    /// <param name="audit">The recorded decisions.</param>
    /// <param name="journal">The runs.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">The operator's options, those of the decision point; null for the defaults.</param>
    public PolicyAnalysis(
        PolicyDecisionPoint point,
        IBundleStore store,
        IAuditLog audit,
        IRunJournal journal,
        TimeProvider time,
        PolicyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(point);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(audit);
        ArgumentNullException.ThrowIfNull(journal);
        ArgumentNullException.ThrowIfNull(time);
        (_point, _store, _time, _options) = (point, store, time, options ?? new());
        _recorded = new(audit);
        _replay = new(journal);
    }

    /// <inheritdoc/>
    public async ValueTask<PolicyStatusResource> StatusAsync(TenantId tenant, CancellationToken cancellationToken)
    {
        var history = await _store.HistoryAsync(tenant, cancellationToken);
        var shadow = await FindShadowAsync(tenant, cancellationToken);
        return new(
            history.Count == 0 ? null : BundleVersionResource.From(history[0]),
            shadow is null ? null : BundleVersionResource.From(new(0, shadow.Bundle.Digest, shadow.Origin)));
    }

    /// <inheritdoc/>
    public ValueTask<PolicyTestResource> TestAsync(
        IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        WorkAsync(
            () =>
            {
                var report = BundleTests.Run(files, _options);
                return new PolicyTestResource(
                    report.Passed,
                    report.Failed,
                    report.Tests.Select(t => new PolicyTestResult(t.Name, t.Where, t.Failure)).ToList())
                {
                    Problems = Resources.Of(report.Problems),
                };
            },
            cancellationToken);

    /// <inheritdoc/>
    public ValueTask<PolicyPlanResource> PlanAsync(
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken)
    {
        var before = _point.Enforced(tenant)?.Bundle;
        return WorkAsync(
            () => Check(files, cancellationToken) is { } problems
                ? new("", [], [], []) { Problems = problems }
                : Resources.Of(BundlePlanner.Compare(before, files, _options, cancellationToken)),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<PolicyAuditResource> AuditAsync(
        TenantId tenant, PolicyAuditBody question, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(question);
        var days = Days(question.Days, DefaultAuditDays);
        var problems = await WorkAsync(
            () => Check(question.Files, cancellationToken) ?? Check(question.CompareWith, cancellationToken),
            cancellationToken);
        if (problems is not null)
            return new("", [], [], [], days, 0) { Problems = problems };
        var files = question.Files ?? await InForceAsync(tenant, cancellationToken);
        var recorded = await _recorded.ReadAsync(tenant, Since(days), cancellationToken);
        return await WorkAsync(
            () =>
            {
                var report = PolicyAudit.Run(files, recorded.Decisions, _options);
                var other = question.CompareWith is { } with
                    ? BundlePlanner.Compare(
                        BundleInspection.Compile(files, _options, cancellationToken),
                        with,
                        _options,
                        cancellationToken)
                    : null;
                return Resources.Of(report, other, days, recorded.Decisions.Count);
            },
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<PolicySimulationResource> SimulateAsync(
        TenantId tenant, PolicySimulateBody question, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(question);
        var days = Days(question.Days, DefaultSimulationDays);
        if (await WorkAsync(() => Check(question.Files, cancellationToken), cancellationToken) is { } problems)
            return new("", 0, 0, [], []) { Problems = problems };
        var since = Since(days);
        var recorded = await _recorded.ReadAsync(tenant, since, cancellationToken);
        return await WorkAsync(
            () => Resources.Of(
                PolicySimulation.Run(question.Files, recorded.Repeatable, _options),
                recorded.Decisions.Count - recorded.Repeatable.Count,
                since),
            cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<PolicySimulationResource?> ShadowAsync(
        TenantId tenant, CancellationToken cancellationToken)
    {
        if (await FindShadowAsync(tenant, cancellationToken) is not { } shadow)
            return null;
        var records = await _recorded.ReadAllAsync(tenant, shadow.Origin.At, cancellationToken);
        return Resources.OfShadow(shadow, records);
    }

    /// <inheritdoc/>
    public async ValueTask<DecisionList> DecisionsAsync(
        TenantId tenant, string? before, int limit, CancellationToken cancellationToken) =>
        await _recorded.PageAsync(tenant, before, limit, cancellationToken);

    /// <inheritdoc/>
    public ThreatList Threats(TenantId tenant) =>
        new(_point.Threats(tenant)
            .Select(t => new ThreatResource(
                t.Agent,
                t.Hold.Rule,
                ThreatRule.EffectWords[(int)t.Hold.Effect - 1],
                t.Hold.Until,
                t.Hold.Detail))
            .ToList());

    /// <inheritdoc/>
    public bool LiftThreats(WorkIdentity caller, string agent)
    {
        ArgumentNullException.ThrowIfNull(caller);
        return _point.LiftThreats(caller, agent);
    }

    /// <inheritdoc/>
    public void Dispose() => _working.Dispose();

    private async ValueTask<T> WorkAsync<T>(Func<T> work, CancellationToken cancellationToken)
    {
        await _working.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(work, cancellationToken);
        }
        finally
        {
            _working.Release();
        }
    }

    // As much work as any analysis, so it is done within WorkAsync too.
    private IReadOnlyList<ErrorResource>? Check(
        IReadOnlyDictionary<string, string>? files, CancellationToken cancellationToken)
    {
        if (files is null)
            return null;
        var problems = new Problems();
        return BundleCompiler.Compile(files, _options, problems, cancellationToken) is null
            ? Resources.Of(problems.ToList())
            : null;
    }

    private async ValueTask<StoredShadow?> FindShadowAsync(TenantId tenant, CancellationToken cancellationToken) =>
        (await _store.ListShadowsAsync(cancellationToken)).FirstOrDefault(s => s.Bundle.Tenant == tenant);

    private async ValueTask<IReadOnlyDictionary<string, string>> InForceAsync(
        TenantId tenant, CancellationToken cancellationToken) =>
        _point.Enforced(tenant) is { } snapshot
        && await _store.FindAsync(tenant, snapshot.Digest, cancellationToken) is { } stored
            ? stored.Files
            : throw NoBundle();

    private static RuntimeErrorException NoBundle() =>
        new(new(
            ReasonCodes.NoPolicy,
            "the tenant has no policy bundle, so there is nothing to look at",
            Action: "Apply one, or name a folder."));

    private DateTimeOffset Since(int days) => _time.GetUtcNow() - TimeSpan.FromDays(days);

    private static int Days(int? asked, int otherwise) =>
        (asked ?? otherwise) is >= 1 and <= MaxDays and var days
            ? days
            : throw new RuntimeErrorException(
                new(ReasonCodes.MalformedRequest, $"'days' must be 1 to {MaxDays}", "days"));
}
