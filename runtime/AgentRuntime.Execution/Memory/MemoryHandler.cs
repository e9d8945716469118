using System.Diagnostics;
using System.Security.Cryptography;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Answers a guest's <c>memory</c> calls: key and value are checked, policy decides, the store reads or changes, the
/// answer is written. One event says it all: a change that was made before a crash is left alone when it is asked for
/// again, because the store knows the run's last change. What goes wrong is an answer to the guest. Thread-safe.
/// </summary>
internal sealed class MemoryHandler(IMemoryStore? store, TimeProvider time)
{
    private const int PageKeys = 100;

    public async Task<HostCallResult> HandleAsync(
        RunContext run, int number, HostCall.Memory asked, CancellationToken cancellationToken)
    {
        using var activity = RuntimeTelemetry.Source.StartActivity($"memory {MemoryWords.Of(asked.Operation)}");
        if (await run.History.FindAsync(number, cancellationToken).ConfigureAwait(false) is { } past)
            return MemoryReplay.Answer(run, number, asked, past);
        var result = await DecideAndDoAsync(run, number, asked, cancellationToken).ConfigureAwait(false);
        if (result is HostCallResult.Refused refused)
        {
            activity?.SetTag("error.type", refused.Error.Code.ToString());
            activity?.SetStatus(ActivityStatusCode.Error, refused.Error.Message);
        }
        return result;
    }

    private async Task<HostCallResult> DecideAndDoAsync(
        RunContext run, int number, HostCall.Memory asked, CancellationToken cancellationToken)
    {
        if (MemoryLimits.Check(asked) is { } unfit)
            return await RefuseAsync(run, number, asked, unfit, cancellationToken).ConfigureAwait(false);
        var call = MemoryWords.PolicyCall(asked, time.GetUtcNow());
        var (decision, record) = Decisions.Decide(run, number, call);
        if (Decisions.Refusal(decision) is { } reason)
        {
            var refused = await RefuseAsync(run, number, asked, reason, cancellationToken).ConfigureAwait(false);
            return decision.EndsRun ? throw new RuntimeErrorException(reason) : refused;
        }

        var outcome = CallOutcome.NotSent;
        try
        {
            if (store is null
                || run.Policy.Tenant.Memory.FirstOrDefault(b => b.Name == asked.Bucket) is not { } bucket)
                return await RefuseAsync(run, number, asked, NoBucket(asked), cancellationToken).ConfigureAwait(false);
            if (MemoryLimits.Check(asked, bucket) is { } tooLarge)
                return await RefuseAsync(run, number, asked, tooLarge, cancellationToken).ConfigureAwait(false);
            outcome = CallOutcome.Failed;
            var (done, result) = await DoAsync(store, run, number, asked, bucket, cancellationToken)
               .ConfigureAwait(false);
            if (result is HostCallResult.Refused full)
                return await RefuseAsync(run, number, asked, full.Error, cancellationToken).ConfigureAwait(false);
            await run.Journal.AppendAsync(done, cancellationToken).ConfigureAwait(false);
            outcome = CallOutcome.Succeeded;
            return result;
        }
        finally
        {
            run.Decisions.Settle(call, outcome);
            run.Records.Settle(run.Identity, record, outcome);
        }
    }

    private static async Task<(MemoryCompleted Done, HostCallResult Result)> DoAsync(
        IMemoryStore store, RunContext run, int number, HostCall.Memory asked, MemoryBucket bucket,
        CancellationToken cancellationToken)
    {
        var tenant = run.Identity.Tenant;
        var done = new MemoryCompleted(
            number, MemoryWords.Of(asked.Operation), bucket.Name, MemoryWords.KeyOf(asked));
        switch (asked.Operation)
        {
            case MemoryOperation.Get or MemoryOperation.Exists:
                var value = await store.GetAsync(tenant, bucket.Name, asked.Key, cancellationToken)
                    .ConfigureAwait(false);
                done = done with { Found = value is not null };
                return asked.Operation == MemoryOperation.Exists
                    ? (done, new HostCallResult.MemoryFound(value is not null))
                    : (done with { Value = value is { } read ? Convert.ToBase64String(read.Span) : null },
                        new HostCallResult.MemoryValue(value));
            case MemoryOperation.ListKeys:
                var keys = await store.ListKeysAsync(
                    tenant, bucket.Name, asked.Cursor, PageKeys + 1, cancellationToken).ConfigureAwait(false);
                var page = keys.Count > PageKeys
                    ? new HostCallResult.MemoryKeys([.. keys.Take(PageKeys)], keys[PageKeys - 1])
                    : new HostCallResult.MemoryKeys(keys, null);
                return (done with { Keys = page.Keys, Cursor = page.Cursor }, page);
            default:
                var change = new MemoryChange(
                    tenant, run.Run, number, bucket, asked.Key,
                    // A plain null would become an empty value.
                    asked.Operation == MemoryOperation.Set ? asked.Value : default(ReadOnlyMemory<byte>?));
                var outcome = await store.ApplyAsync(change, cancellationToken).ConfigureAwait(false);
                if (outcome != MemoryOutcome.Made)
                    return (done, new HostCallResult.Refused(
                        outcome == MemoryOutcome.Full ? Full(bucket) : TenantFull(bucket)));
                return (
                    asked.Operation == MemoryOperation.Set
                        ? done with { ValueDigest = Convert.ToHexStringLower(SHA256.HashData(asked.Value.Span)) }
                        : done,
                    new HostCallResult.MemoryChanged());
        }
    }

    private static async Task<HostCallResult> RefuseAsync(
        RunContext run, int number, HostCall.Memory asked, RuntimeError error, CancellationToken cancellationToken)
    {
        await run.Journal.AppendAsync(
            new MemoryRefused(
                number,
                MemoryWords.Of(asked.Operation),
                MemoryWords.Shown(asked.Bucket),
                ErrorResource.From(error),
                MemoryWords.KeyOf(asked) is { } key ? MemoryWords.Shown(key) : null),
            cancellationToken).ConfigureAwait(false);
        return new HostCallResult.Refused(error);
    }

    private static RuntimeError NoBucket(HostCall.Memory asked) => new(
        ReasonCodes.DefaultDeny,
        $"The bundle describes no memory '{MemoryWords.Shown(asked.Bucket)}'.",
        MemoryWords.Shown(asked.Bucket),
        "Describe it under 'memory' in bundle.yaml, and grant it to the agent.");

    private static RuntimeError Full(MemoryBucket bucket) => new(
        ReasonCodes.MemoryFull,
        $"The memory '{bucket.Name}' has no room for this: it holds at most {bucket.MaxKeys} keys and "
            + $"{bucket.MaxBytes}.",
        bucket.Name,
        "Delete keys that nobody needs, or raise max_keys or max_bytes in the bundle.");

    private static RuntimeError TenantFull(MemoryBucket bucket) => new(
        ReasonCodes.MemoryFull,
        "The tenant's memory has no room for this: all its buckets together hold as much as they may.",
        bucket.Name,
        "GET /v1/storage (agentctl storage) tells what each holds; delete keys, or clear a bucket that nobody needs.");
}
