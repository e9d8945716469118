using System.Security.Cryptography;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>Answers a memory call from the journal. Stateless.</summary>
internal static class MemoryReplay
{
    /// <summary>The recorded answer: a memory call leaves one event, when it is over.</summary>
    /// <exception cref="RuntimeErrorException">AR7002: the agent asks for something else than it did.</exception>
    public static HostCallResult Answer(RunContext run, int number, HostCall.Memory asked, RecordedCall past)
    {
        if (past.MemoryRefused is { } refused)
        {
            if (!Same(asked, refused.Operation, refused.Bucket, refused.Key))
                throw new RuntimeErrorException(RunErrors.Diverged(number));
            return new HostCallResult.Refused(refused.Error.ToError());
        }

        if (past.MemoryCompleted is not { } done
            || done.Operation != MemoryWords.Of(asked.Operation)
            || done.Bucket != asked.Bucket
            || done.Key != MemoryWords.KeyOf(asked)
            || (done.ValueDigest is { } digest
                && digest != Convert.ToHexStringLower(SHA256.HashData(asked.Value.Span))))
            throw new RuntimeErrorException(RunErrors.Diverged(number));
        Remember(run, asked, past);
        return asked.Operation switch
        {
            MemoryOperation.Get => new HostCallResult.MemoryValue(
                done.Value is { } value ? Convert.FromBase64String(value) : default(ReadOnlyMemory<byte>?)),
            MemoryOperation.Exists => new HostCallResult.MemoryFound(done.Found == true),
            MemoryOperation.ListKeys => new HostCallResult.MemoryKeys(done.Keys ?? [], done.Cursor),
            _ => new HostCallResult.MemoryChanged(),
        };
    }

    private static bool Same(HostCall.Memory asked, string operation, string bucket, string? key) =>
        operation == MemoryWords.Of(asked.Operation)
        && bucket == MemoryWords.Shown(asked.Bucket)
        && key == (MemoryWords.KeyOf(asked) is { } own ? MemoryWords.Shown(own) : null);

    /// <summary>Rules look at the run's history, so the decision point is told of the call again.</summary>
    private static void Remember(RunContext run, HostCall.Memory asked, RecordedCall past)
    {
        var call = MemoryWords.PolicyCall(asked, past.At) with { IsReplay = true };
        if (run.Decisions.Decide(call).Verdict == Verdict.Allow)
            run.Decisions.Settle(call, CallOutcome.Succeeded);
    }
}
