namespace AgentRuntime.Abstractions;

/// <summary>
/// Reserves before work starts and settles when it ends, so that a limit is never overshot, also under concurrency.
/// Every level (tenant, then run) grants or none does. Thread-safe.
/// </summary>
public interface IQuotaLedger
{
    /// <summary>
    /// Counts a run as under way, with a budget that its reservations draw on; null, or why it may not start
    /// (AR2001, AR6004).
    /// </summary>
    RuntimeError? TryOpenRun(WorkIdentity run, RunBudget budget);

    /// <summary>
    /// Counts a run that was admitted before a restart as under way, whatever the limit on runs says by now. It has no
    /// budget yet: nothing is granted to it until it is reopened.
    /// </summary>
    void KeepPlace(WorkIdentity run);

    /// <summary>
    /// Counts a run that was admitted before a restart as under way again, whatever the limit on runs says by now;
    /// null, or why it may not go on (AR2001).
    /// </summary>
    RuntimeError? TryReopenRun(WorkIdentity run, RunBudget budget);

    /// <summary>The run has ended; holds of it that are still open settle on their own.</summary>
    void CloseRun(RunId run);

    /// <summary>Takes a hold on every level, or says which limit refuses.</summary>
    ValueTask<ReserveOutcome> ReserveAsync(Reservation reservation, CancellationToken cancellationToken);

    /// <summary>
    /// Replaces a hold by what was really used. Settling a hold twice, or an expired one, changes nothing.
    /// </summary>
    /// <returns>What it cost.</returns>
    ValueTask<MicroUsd> SettleAsync(QuotaHold hold, InferenceUsage actual, CancellationToken cancellationToken);

    /// <summary>Gives a hold back unused: the request never reached an engine.</summary>
    ValueTask ReleaseAsync(QuotaHold hold, CancellationToken cancellationToken);

    /// <summary>Where the tenant's windows stand, for response headers.</summary>
    QuotaStatus Status(TenantId tenant);
}

/// <summary>What is to be held. Immutable.</summary>
/// <param name="Identity">Who is charged: the tenant, and the run when there is one.</param>
/// <param name="Model">The model, for its price. One without a price is refused (AR6005).</param>
/// <param name="Prompt">Prompt tokens at most.</param>
/// <param name="Output">Output tokens at most.</param>
public sealed record Reservation(WorkIdentity Identity, string Model, TokenCount Prompt, TokenCount Output);

/// <summary>A hold that was granted: settle or release it once. Compared by reference.</summary>
/// <param name="Reservation">What is held.</param>
/// <param name="Cost">The money that is held.</param>
/// <param name="ExpiresAt">When the ledger settles it by itself as fully used.</param>
public sealed record QuotaHold(Reservation Reservation, MicroUsd Cost, DateTimeOffset ExpiresAt);

/// <summary>What became of a reservation: exactly one of the nested forms. Immutable.</summary>
public abstract record ReserveOutcome
{
    private ReserveOutcome()
    {
    }

    /// <summary>Held on every level.</summary>
    public sealed record Granted(QuotaHold Hold) : ReserveOutcome;

    /// <summary>
    /// A limit refuses (AR6xxx, with <see cref="RuntimeError.RetryAfter"/> when waiting helps); nothing is held.
    /// </summary>
    public sealed record Refused(RuntimeError Error) : ReserveOutcome;
}

/// <summary>Where a tenant's windows stand. Immutable.</summary>
/// <param name="Limits">The limits.</param>
/// <param name="RequestsLeft">Requests left in this minute.</param>
/// <param name="TokensLeft">Tokens neither used nor held in this minute.</param>
/// <param name="ResetsIn">Until the minute ends.</param>
public sealed record QuotaStatus(QuotaLimits Limits, int RequestsLeft, TokenCount TokensLeft, TimeSpan ResetsIn);

/// <summary>What a model's tokens cost. Immutable.</summary>
/// <param name="PromptPerMillion">A million prompt tokens that were computed.</param>
/// <param name="CachedPromptPerMillion">A million prompt tokens that were cached.</param>
/// <param name="OutputPerMillion">A million output tokens.</param>
public sealed record ModelPrice(MicroUsd PromptPerMillion, MicroUsd CachedPromptPerMillion, MicroUsd OutputPerMillion);

/// <summary>The operator's prices. Thread-safe.</summary>
public interface IPriceBook
{
    /// <summary>The price of a model; null when it has none, and then its use is refused (AR6005).</summary>
    ModelPrice? Find(string model);
}

/// <summary>Whose limits the ledger enforces. Thread-safe.</summary>
public interface IQuotaLimitSource
{
    /// <summary>The tenant's limits; null when it has none, and then it may use nothing (AR2001).</summary>
    QuotaLimits? Find(TenantId tenant);
}
