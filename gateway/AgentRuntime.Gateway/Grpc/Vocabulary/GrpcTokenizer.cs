using System.Security.Cryptography;
using AgentRuntime.Abstractions;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;

namespace AgentRuntime.Gateway;

/// <summary>
/// The vocabulary that an engine sends, fetched once in the life of the engine's process. It may take longer than
/// whoever waits for it first, so that nobody's leaving ends it. Everything from the engine is bounded and checked
/// against the sum that came with it. Thread-safe.
/// </summary>
internal sealed class GrpcTokenizer(EngineDialect dialect, EngineRouterOptions options, TimeProvider time) : IDisposable
{
    private const int MostArchiveBytes = 64 << 20;
    private const string Gguf = "tokenizer.gguf";
    private static readonly TimeSpan FetchWithin = TimeSpan.FromSeconds(60);

    /// <summary>After an archive that cannot be used; the next one will hardly be another.</summary>
    private static readonly TimeSpan AgainAfter = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private ProcessStart _started = new();
    private Task<EngineVocabulary>? _fetch;
    private long _fetchedAt;
    private string? _identity;
    private volatile bool _keepsTenantsApart;

    /// <summary>Whether the engine has said that its requests carry a salt.</summary>
    public bool KeepsTenantsApart
    {
        get => _keepsTenantsApart;
        set => _keepsTenantsApart = value;
    }

    /// <summary>
    /// Takes in when the engine's process started, as exactly as the way there and back shows it: another process may
    /// serve another model. What is in use by requests is not disposed but left to its finalizer.
    /// </summary>
    /// <param name="earliest">Seconds on a clock of the caller's that does not step.</param>
    /// <param name="latest">Seconds on the same clock.</param>
    public void Observe(double earliest, double latest)
    {
        lock (_lock)
        {
            if (_started.Observe(earliest, latest))
                ForgetLocked();
        }
    }

    /// <summary>Takes in what the engine says of its model: vLLM does not say when it started.</summary>
    public void Observe(string identity)
    {
        lock (_lock)
        {
            if (_identity is not null && _identity != identity)
                ForgetLocked();
            _identity = identity;
        }
    }

    /// <summary>Forgets what a process that cannot be reached has sent: the next one may be another.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            ForgetLocked();
            _started = new();
        }
    }

    /// <exception cref="RpcException">The engine sends none that can be read.</exception>
    public Task<EngineVocabulary> GetAsync(RpcCallOptions call, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_fetch is null or { IsFaulted: true } or { IsCanceled: true } && MayFetchLocked())
            {
                _fetchedAt = time.GetTimestamp();
                _fetch = Task.Run(() => FetchAsync(call), CancellationToken.None);
            }

            return _fetch!.WaitAsync(cancellationToken);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_fetch is { IsCompletedSuccessfully: true, Result: EngineVocabulary.OfGguf gguf })
                gguf.Release();
        }
    }

    private void ForgetLocked()
    {
        _fetch = null;
        _keepsTenantsApart = false;
    }

    private bool MayFetchLocked() => _fetch?.Exception?.InnerException is not RpcException
        {
            Status.Code: RpcStatusCode.FailedPrecondition,
        } || time.GetElapsedTime(_fetchedAt) >= AgainAfter;

    private async Task<EngineVocabulary> FetchAsync(RpcCallOptions call)
    {
        using var patience = new CancellationTokenSource(FetchWithin, time);
        try
        {
            return await FetchAsync(call, patience.Token);
        }
        catch (OperationCanceledException)
        {
            throw new RpcException(RpcStatusCode.DeadlineExceeded, "the engine did not send its tokenizer in time");
        }
        catch (Exception e) when (e is InvalidDataException or RuntimeErrorException)
        {
            throw Unreadable(e.Message);
        }
    }

    private async Task<EngineVocabulary> FetchAsync(RpcCallOptions call, CancellationToken cancellationToken)
    {
        using var archive = new MemoryStream();
        var sum = "";
        await using (var chunks = dialect.Tokenizer(call, cancellationToken))
        {
            while (await chunks.ReadAsync() is { } chunk)
            {
                if (archive.Length + chunk.Data.Length > MostArchiveBytes)
                    throw Unreadable($"it has more than {MostArchiveBytes} bytes");
                archive.Write(chunk.Data.Span);
                if (chunk.Sha256.Length > 0)
                    sum = chunk.Sha256;
            }
        }

        archive.Position = 0;
        if (!string.Equals(
            sum, Convert.ToHexString(await SHA256.HashDataAsync(archive, cancellationToken)),
            StringComparison.OrdinalIgnoreCase))
            throw Unreadable("its checksum is wrong");
        var files = await ModelArchive.ReadAsync(archive, cancellationToken);
        return files[Gguf] is { } gguf ? LoadGguf(gguf) : HuggingFaceVocabulary.Read(files, time);
    }

    private EngineVocabulary.OfGguf LoadGguf(byte[] vocabulary)
    {
        if (options.VocabularyLoader is not { } load)
            throw Unreadable("the router has no loader of GGUF vocabularies");
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(file, vocabulary);
            return new(load(file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static RpcException Unreadable(string why) =>
        new(RpcStatusCode.FailedPrecondition, $"the engine's tokenizer cannot be used: {why}");
}
