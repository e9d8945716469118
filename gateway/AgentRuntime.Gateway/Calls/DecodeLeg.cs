using System.Diagnostics;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>A decode leg under way, with what must end when it does. One call owns it.</summary>
internal sealed class DecodeLeg(EngineStream stream, Engine.Lease lease, Activity? activity) : IAsyncDisposable
{
    private bool _reported;
    private bool _generated;

    public required TenantId Tenant { get; init; }

    public required ServedBy ServedBy { get; init; }

    /// <summary>Tokens of what was sent before, as this engine counts them; null when it does not say.</summary>
    public int? ContinuedTokens { get; init; }

    /// <summary>The leg that reads the prompt at the same time; null when there is none.</summary>
    public TwinPrefill? Twin { get; init; }

    /// <summary>What the leg that read the prompt left for this one to fetch; null when there is none.</summary>
    public KvHandoff? Handoff { get; init; }

    /// <summary>Prompt tokens that the prefill engine had cached; null when colocated.</summary>
    public long? PrefillCached { get; init; }

    /// <summary>How long the prefill leg took; null when colocated.</summary>
    public TimeSpan? Prefill { get; init; }

    public Engine Engine => lease.Engine;

    public EngineStream Stream => stream;

    /// <summary>The engine works: it has generated a token. True the first time.</summary>
    public bool Succeeded()
    {
        if (_reported)
            return false;

        _generated = true;
        Handoff?.End();
        Engine.Circuit.Succeeded(Tenant);
        Twin?.Fed = true;
        return _reported = true;
    }

    /// <summary>
    /// The leg ends by a failure: the engine's, or its twin's, which does not count against the engine.
    /// </summary>
    public void Failed(EngineFailure failure)
    {
        activity?.SetStatus(ActivityStatusCode.Error, failure.Error.Code.ToString());
        activity?.SetTag("error.type", failure.Error.Code.ToString());
        if (failure.OfPrefill)
            Engine.Circuit.Abandoned();
        else
            failure.CountAgainst(Engine, Tenant);
        _reported = true;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_reported)
            Engine.Circuit.Abandoned();
        // An engine that generates has fetched what it needs, and has said so where it came from.
        if (!_generated)
            Handoff?.GiveUp();
        await stream.DisposeAsync();
        activity?.Dispose();
        lease.Dispose();
        if (Twin is not null)
            await Twin.DisposeAsync();
    }
}
