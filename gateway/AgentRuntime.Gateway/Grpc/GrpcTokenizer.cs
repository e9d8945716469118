using System.IO.Compression;
using System.Security.Cryptography;
using AgentRuntime.Abstractions;
using AgentRuntime.Rpc;
using AgentRuntime.Rpc.Client;
using AgentRuntime.Rpc.Vllm;

namespace AgentRuntime.Gateway;

/// <summary>
/// The tokenizer that an engine sends, fetched once in the life of the engine's process. Everything from the engine is
/// bounded and checked against the sum that came with it. Thread-safe.
/// </summary>
internal sealed class GrpcTokenizer(RpcChannel channel, EngineRouterOptions options) : IDisposable
{
    private const int MostArchiveBytes = 64 << 20;
    private const long MostVocabularyBytes = 256 << 20;
    private const string VocabularyFile = "tokenizer.gguf";

    private readonly SemaphoreSlim _gate = new(1);
    private volatile IModelTokenizer? _tokenizer;
    private volatile bool _keepsTenantsApart;
    private readonly Interval _started = new();

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
    /// <param name="earliest">Seconds on a clock of the caller's.</param>
    /// <param name="latest">Seconds on the same clock.</param>
    public void Observe(double earliest, double latest)
    {
        lock (_started)
        {
            var isSame = earliest <= _started.Latest && latest >= _started.Earliest;
            if (!isSame)
            {
                _tokenizer = null;
                _keepsTenantsApart = false;
            }

            _started.Earliest = isSame ? Math.Max(earliest, _started.Earliest) : earliest;
            _started.Latest = isSame ? Math.Min(latest, _started.Latest) : latest;
        }
    }

    /// <exception cref="RpcException">The engine sends none that can be read.</exception>
    public async ValueTask<IModelTokenizer> GetAsync(RpcCallOptions call, CancellationToken cancellationToken)
    {
        if (_tokenizer is { } known)
            return known;
        await _gate.WaitAsync(cancellationToken);
        try
        {
            return _tokenizer ??= await FetchAsync(call, cancellationToken);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose()
    {
        _gate.Dispose();
        (_tokenizer as IDisposable)?.Dispose();
    }

    private async Task<IModelTokenizer> FetchAsync(RpcCallOptions options0, CancellationToken cancellationToken)
    {
        if (options.VocabularyLoader is not { } load)
            throw Unreadable("the router has no loader of vocabularies");
        using var archive = new MemoryStream();
        var sum = "";
        await using (var call = channel.ServerStreaming(
            VllmEngine.GetTokenizer, new(), options0, cancellationToken))
        {
            while (await call.ReadAsync() is { } chunk)
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
        var file = Path.GetTempFileName();
        try
        {
            await ExtractAsync(archive, file, cancellationToken);
            return load(file);
        }
        catch (Exception e) when (e is InvalidDataException or RuntimeErrorException)
        {
            throw Unreadable(e.Message);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task ExtractAsync(Stream archive, string file, CancellationToken cancellationToken)
    {
        using var zip = new ZipArchive(archive, ZipArchiveMode.Read, leaveOpen: true);
        var entry = zip.GetEntry(VocabularyFile) ?? throw new InvalidDataException($"it has no {VocabularyFile}");
        await using var source = await entry.OpenAsync(cancellationToken);
        await using var target = File.Create(file);
        var buffer = new byte[64 << 10];
        for (var total = 0L; await source.ReadAsync(buffer, cancellationToken) is var count and > 0;)
        {
            // What an archive says of its size is not to be believed.
            if ((total += count) > MostVocabularyBytes)
                throw new InvalidDataException($"{VocabularyFile} is too large");
            await target.WriteAsync(buffer.AsMemory(0, count), cancellationToken);
        }
    }

    /// <summary>Between which times the process started; everything before the first observation.</summary>
    private sealed class Interval
    {
        public double Earliest { get; set; } = double.NegativeInfinity;

        public double Latest { get; set; } = double.PositiveInfinity;
    }

    private static RpcException Unreadable(string why) =>
        new(RpcStatusCode.FailedPrecondition, $"the engine's tokenizer cannot be used: {why}");
}
