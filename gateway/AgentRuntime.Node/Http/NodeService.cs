using AgentRuntime.Abstractions;
using AgentRuntime.Node.Embeddings;
using AgentRuntime.Node.Engine;
using AgentRuntime.Node.Events;
using AgentRuntime.Node.Logging;
using AgentRuntime.Node.Models;
using AgentRuntime.Node.Prompting;
using AgentRuntime.Node.Simulation;
using AgentRuntime.Node.Transfer;
using Microsoft.Extensions.Logging;

namespace AgentRuntime.Node.Http;

/// <summary>What the endpoints share: model, engine, leases, metrics. Thread-safe; disposed by the server.</summary>
internal sealed class NodeService : IDisposable
{
    /// <summary>Tokens in an exported segment: small enough to overlap with the computing of the next ones.</summary>
    public const int SegmentTokens = 256;

    /// <exception cref="OperationCanceledException">It was cancelled while the model loads.</exception>
    public NodeService(NodeOptions options, TimeProvider time, ILogger log, CancellationToken cancellationToken)
    {
        Options = options;
        Time = time;
        Log = log;
        Model = Load(options, time, cancellationToken);
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            ModelName = options.ModelName ?? Model.Metadata("general.name")
                ?? Path.GetFileNameWithoutExtension(options.ModelPath);
            Prompts = new(Model, time);
            if (Prompts.WhyNotOwnTemplate is { } why) NodeLog.ChatTemplateNotUsed(log, why);
            EventLog = options.KvEventPort is null && options.GrpcPort is null ? null : new(options.BlockTokens, time);
            Events = options.KvEventPort is null ? null : new(options, EventLog!);
            Embeddings = new(Model, options);
            Engine = new(Model, options, time, EventLog, log);
        }
        catch
        {
            Embeddings?.Dispose();
            Events?.Dispose();
            Model.Dispose();
            throw;
        }

        EngineName = options.EngineName ?? "node";
        Leases = new(options, time);
        Client = new(options, Model.Digest, Model.StateFormat, time);
        Expectations = new(options, Client, time, log);
    }

    public NodeOptions Options { get; }

    public TimeProvider Time { get; }

    /// <summary>Hears of failures that are no refusals; bounded in rate.</summary>
    public ILogger Log { get; }

    public IServedModel Model { get; }

    public string ModelName { get; }

    public PromptBuilder Prompts { get; }

    public EngineLoop Engine { get; }

    public EmbeddingService Embeddings { get; }

    public KvLeaseTable Leases { get; }

    public KvClient Client { get; }

    public KvExpectations Expectations { get; }

    /// <summary>The prefix cache's changes; null when nobody can ask for them.</summary>
    public KvEventLog? EventLog { get; }

    /// <summary>Publishes the prefix cache's changes on ZeroMQ; null when that is off.</summary>
    public KvEventPublisher? Events { get; }

    public NodeMetrics Metrics { get; } = new();

    /// <summary>The engine's name; settled once the port is known.</summary>
    public string EngineName { get; set; }

    /// <summary>Where other nodes fetch KV state; settled once the port is known.</summary>
    public string AdvertisedHost { get; set; } = "127.0.0.1";

    public int Port { get; set; }

    /// <summary>The most tokens of prompt and output in one sequence.</summary>
    public int ContextTokens => Options.ContextTokens;

    /// <summary>The adapter of a request's <c>model</c>; null for the model itself.</summary>
    /// <exception cref="RuntimeErrorException">AR4012: nothing of that name is served.</exception>
    public ServedAdapter? Adapter(string? model)
    {
        if (model is null || model == ModelName || Model.AnswersToAnyName) return null;
        foreach (var adapter in Model.Adapters)
            if (adapter.Name == model)
                return adapter;
        throw new RuntimeErrorException(new(
            ReasonCodes.UnknownAdapter, "this engine serves no model or adapter of that name", "model",
            "GET /v1/models lists what it serves."));
    }

    /// <summary>A prompt's tokens, checked against the context.</summary>
    /// <exception cref="RuntimeErrorException">AR4006 too long; AR1004 empty or not of the vocabulary.</exception>
    public int[] Tokenize(CompletionRequest request, int promptIndex)
    {
        var given = request.IsChat ? null : request.Prompts[promptIndex].Tokens;
        var text = request.IsChat ? Prompts.Build(request)
            : request.Prompts[promptIndex].Text ?? "";
        var wanted = request.MaxTokens ?? (request.IsChat ? 1 : 16);
        var where = request.IsChat ? "messages" : "prompt";
        if (given is null) CheckText(text, wanted, where);
        var tokens = given ?? Model.Tokenize(text, addSpecial: true, parseSpecial: true);
        if (tokens.Length == 0) throw CompletionRequestReader.Malformed("the prompt is empty", "prompt");
        foreach (var token in tokens)
            if (token < 0 || token >= Model.VocabularySize)
                throw CompletionRequestReader.Malformed("the prompt holds a token that the vocabulary lacks", "prompt");
        CheckLength($"{tokens.Length}", tokens.Length, wanted, where);
        return tokens;
    }

    /// <summary>Refuses a text that is too long by far before it is read: that takes its time.</summary>
    /// <param name="text">The prompt.</param>
    /// <param name="wanted">Tokens that are to follow it.</param>
    /// <param name="where">What the client calls it.</param>
    /// <exception cref="RuntimeErrorException">AR4006.</exception>
    public void CheckText(string text, int wanted, string where)
    {
        var least = Model.LeastTokens(text);
        CheckLength($"at least {least}", least, wanted, where);
    }

    /// <summary>The most tokens to generate after a prompt.</summary>
    public int MaxTokens(CompletionRequest request, int promptTokens) =>
        request.MaxTokens ?? (request.IsChat ? ContextTokens - promptTokens : 16);

    /// <summary>The parameters with which another node fetches a lease's state from here.</summary>
    public KvTransferParams HandOver(KvLease lease) => new()
    {
        RemotePrefill = true,
        EngineId = EngineName,
        RequestId = lease.Id,
        Host = AdvertisedHost,
        Port = Port,
        Tokens = lease.Export.Tokens,
    };

    /// <summary>Lets exported or expected state go; false when there was none of that id.</summary>
    public bool LetGo(string id) => Leases.Release(id) | Expectations.Drop(id);

    private void CheckLength(string has, int tokens, int wanted, string where)
    {
        if (tokens + (long)wanted <= ContextTokens) return;
        throw new RuntimeErrorException(new(
            ReasonCodes.PromptTooLong,
            $"this model's context is {ContextTokens} tokens; the prompt has {has}"
            + (wanted > 0 ? $" and {wanted} are to be generated" : ""),
            where,
            wanted > 0 ? "Shorten the prompt or lower max_tokens." : "Shorten the prompt."));
    }

    private static IServedModel Load(NodeOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        if (options.Simulation is { } simulation) return new SimulatedModel(simulation, time);
        Interop.LlamaLibrary.Load(options.Device);
        return LoadedModel.Load(options, cancellationToken);
    }

    public void Dispose()
    {
        Engine.Dispose();
        Embeddings.Dispose();
        Events?.Dispose();
        Leases.Dispose();
        Expectations.Dispose();
        Client.Dispose();
        Model.Dispose();
    }
}
