using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// The prefill leg of an SGLang pair: sent at the same moment as the decode leg, which it feeds over the bootstrap
/// room. Its answer is read and dropped. When it fails the decode leg would wait for nothing, so <see cref="Token"/>
/// ends that too; when the decode leg ends, disposing this ends the prefill. One call owns it.
/// </summary>
internal sealed class TwinPrefill : IAsyncDisposable
{
    private readonly TenantId _tenant;
    private readonly CancellationTokenSource _stop;
    private Task _work = Task.CompletedTask;

    private TwinPrefill(
        Engine engine, TenantId tenant, Bootstrap bootstrap, CancellationToken cancellationToken)
    {
        Engine = engine;
        _tenant = tenant;
        Bootstrap = bootstrap;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
    }

    public Engine Engine { get; }

    public Bootstrap Bootstrap { get; }

    /// <summary>Ends with the call, and when this leg has failed.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Whether the decode leg has what it needs: what happens here afterwards is of no account.</summary>
    public bool Fed { get; set; }

    /// <summary>
    /// How this leg failed; null while it has not. It says nothing of the decode leg's engine, nor whether that can be
    /// reached.
    /// </summary>
    public EngineFailure? Failure { get; private set; }

    public static TwinPrefill Begin(
        EngineClient client,
        Engine engine,
        TenantId tenant,
        InferenceOperation operation,
        ReadOnlyMemory<byte> body,
        Bootstrap bootstrap,
        string requestId,
        CancellationToken cancellationToken)
    {
        var twin = new TwinPrefill(engine, tenant, bootstrap, cancellationToken);
        twin._work = twin.RunAsync(client, operation, body, requestId);
        return twin;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        try
        {
            await _work;
        }
        finally
        {
            _stop.Dispose();
        }
    }

    private async Task RunAsync(
        EngineClient client, InferenceOperation operation, ReadOnlyMemory<byte> body, string requestId)
    {
        using var lease = Engine.Enter();
        try
        {
            await using var stream = await client.OpenAsync(
                Engine, operation, body, requestId, textForChat: false, _stop.Token);
            while (await stream.NextAsync(_stop.Token) is not null)
            {
                // Only the decode leg's answer counts.
            }

            Engine.Circuit.Succeeded(_tenant);
        }
        catch (EngineFailure failure)
        {
            failure.CountAgainst(Engine, _tenant);
            if (Fed)
                return;
            Failure = new EngineFailure(failure.Kind, failure.Error, failure) { OfPrefill = true };
            await _stop.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            Engine.Circuit.Abandoned();
        }
        catch
        {
            // Says nothing of the engine; whoever disposes of this leg hears of it.
            Engine.Circuit.Abandoned();
            await _stop.CancelAsync();
            throw;
        }
    }
}
