using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// Answers questions about a tenant's bundles: composes the analyses of this project over the decision point, the
/// recorded decisions and the journal. Thread-safe; worked on in the <see cref="WorkPlaces"/> of the decision point.
/// </summary>
public sealed partial class PolicyAnalysis : IPolicyAnalysis
{
    private const int DefaultSimulationDays = 7;
    private const int DefaultAuditDays = 30;
    private const int MaxDays = 365;

    private readonly PolicyDecisionPoint _point;
    private readonly IBundleStore _store;
    private readonly RecordedDecisions _recorded;
    private readonly RunReplay _replay;
    private readonly PolicyOptions _options;
    private readonly TimeProvider _time;

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
        TenantId tenant, IReadOnlyDictionary<string, string> files, CancellationToken cancellationToken) =>
        _point.Places.DoAsync(
            tenant,
            () =>
            {
                var report = BundleTests.Run(files, _options, cancellationToken);
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
        return _point.Places.DoAsync(
            tenant,
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
        return await _point.Places.DoAsync(tenant, WorkAsync, cancellationToken);

        async Task<PolicyAuditResource> WorkAsync()
        {
            if ((Check(question.Files, cancellationToken) ?? Check(question.CompareWith, cancellationToken))
                is { } problems)
                return new("", [], [], [], days, 0) { Problems = problems };
            var files = question.Files ?? await InForceAsync(tenant, cancellationToken);
            var options = question.Files is null ? _options.ForKept() : _options;
            var decisions = await _recorded.ReadAsync(tenant, Since(days), cancellationToken);
            var report = PolicyAudit.Run(files, decisions, options, cancellationToken);
            var other = question.CompareWith is { } with
                ? BundlePlanner.Compare(
                    BundleInspection.Compile(files, options, cancellationToken),
                    with,
                    _options,
                    cancellationToken)
                : null;
            return Resources.Of(report, other, days, decisions.Count);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<PolicySimulationResource> SimulateAsync(
        TenantId tenant, PolicySimulateBody question, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(question);
        var days = Days(question.Days, DefaultSimulationDays);
        return await _point.Places.DoAsync(tenant, WorkAsync, cancellationToken);

        async Task<PolicySimulationResource> WorkAsync()
        {
            if (Check(question.Files, cancellationToken) is { } problems)
                return new("", 0, 0, [], []) { Problems = problems };
            var since = Since(days);
            var decisions = await _recorded.ReadAsync(tenant, since, cancellationToken);
            return Resources.Of(PolicySimulation.Run(question.Files, decisions, _options, cancellationToken), since);
        }
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

    // As much work as any analysis, so it is done within a place too.
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
