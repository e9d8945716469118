using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// The token ids of prompts, for block keys; null wherever they cannot be had in good time, and text stands in. An
/// engine is asked at most once for a prompt, within a deadline, by few requests at a time, and is left alone when it
/// fails. Long prompts are tokenized elsewhere than on the request's thread. Thread-safe.
/// </summary>
internal sealed class PromptTokens(
    EngineRouterOptions options, EngineClient client, EnginePool pool, LargeBodies large, TimeProvider time)
{
    private const int CachedTokens = 4 << 20;
    private const int AskedAtOnce = 64;
    private const int InlineBytes = 16 << 10;
    private readonly TokenCache _cache = new(CachedTokens);
    private readonly SemaphoreSlim _asking = new(AskedAtOnce, AskedAtOnce);
    private readonly CircuitBreaker _circuit = new(failures: 3, TimeSpan.FromSeconds(5), time);

    /// <param name="request">The request.</param>
    /// <param name="baseModel">
    /// The base model of the one that it names: what is set for that counts for its adapters.
    /// </param>
    /// <param name="template">Its body.</param>
    /// <param name="requestId">Its id.</param>
    /// <param name="cancellationToken">The caller's.</param>
    public async ValueTask<int[]?> OfAsync(
        InferenceRequest request,
        string baseModel,
        RequestTemplate template,
        string requestId,
        CancellationToken cancellationToken)
    {
        var keys = options.PromptKeysOf(request.Model, baseModel);
        if (keys == PromptKeys.Text || template.Choices != 1)
            return null;
        if (template.PromptTokens is { } given)
            return given;
        if (keys == PromptKeys.Vocabulary)
        {
            var tokenizer = options.Tokenizers.GetValueOrDefault(request.Model) ?? options.Tokenizers[baseModel];
            return request.Body.Length <= InlineBytes
                ? tokenizer.Tokenize(request.Operation, request.Body)
                : await TokenizeElsewhereAsync(request, tokenizer, cancellationToken);
        }

        return await AskAsync(request, template, requestId, cancellationToken);
    }

    private Task<int[]?> TokenizeElsewhereAsync(
        InferenceRequest request, IPromptTokenizer tokenizer, CancellationToken cancellationToken) =>
        LargeBodies.IsLarge(request.Body.Length)
            ? large.DoAsync(
                request.Identity.Tenant, () => tokenizer.Tokenize(request.Operation, request.Body), cancellationToken)
            : Task.Run(() => tokenizer.Tokenize(request.Operation, request.Body), cancellationToken);

    private async ValueTask<int[]?> AskAsync(
        InferenceRequest request, RequestTemplate template, string requestId, CancellationToken cancellationToken)
    {
        var engine = pool.Engines.FirstOrDefault(e =>
            e.Usable && e.Descriptor.Tokenizes && e.Health.Models.ContainsKey(request.Model));
        if (engine is null)
            return null;

        var body = new ArrayBufferWriter<byte>(request.Body.Length + 64);
        template.WriteTokenize(body, engine.Health.Models[request.Model].EngineName);
        var prompt = Digest(request.Model, body.WrittenSpan);
        if (_cache.Find(prompt) is { } known)
            return known;
        if (!_asking.Wait(0, CancellationToken.None))
            return null;

        try
        {
            if (!_circuit.TryEnter())
                return null;
            using var deadline = new CancellationTokenSource(options.TokenizeTimeout, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
            var tokens = await client.TokenizeAsync(engine, body.WrittenMemory, requestId, either.Token);
            _circuit.Succeeded();
            _cache.Add(prompt, tokens);
            return tokens;
        }
        catch (EngineFailure failure)
        {
            // A prompt that the engine refuses to render says nothing of the engine.
            if (failure.Kind == FailureKind.Refused)
                _circuit.Abandoned();
            else
                _circuit.Failed();
            return null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            _circuit.Failed();
            return null;
        }
        catch (OperationCanceledException)
        {
            _circuit.Abandoned();
            throw;
        }
        finally
        {
            _asking.Release();
        }
    }

    private static UInt128 Digest(string model, ReadOnlySpan<byte> body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(model));
        hash.AppendData(body);
        Span<byte> digest = stackalloc byte[32];
        hash.GetHashAndReset(digest);
        return BinaryPrimitives.ReadUInt128BigEndian(digest);
    }
}
