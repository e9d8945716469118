using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using AgentRuntime.Abstractions;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace AgentRuntime.Execution;

/// <summary>
/// The client of one tool server. It connects at the first use, once however many callers wait; after a failure of the
/// connection the next use connects afresh and lists the tools again, while calls that are in flight go on. Owned by
/// the transport. Thread-safe.
/// </summary>
/// <param name="endpoint">Where the server is.</param>
/// <param name="http">The client, of this link alone.</param>
/// <param name="maxListChars">The most characters of all names, descriptions and schemas in a server's list.</param>
/// <param name="time">The clock.</param>
internal sealed class McpServerLink(Uri endpoint, HttpClient http, long maxListChars, TimeProvider time)
    : IAsyncDisposable
{
    /// <summary>Where a call's idempotency key is in its <c>_meta</c>.</summary>
    public const string IdempotencyKey = "idempotencyKey";

    private const int MaxTools = 1_000;
    private const int MaxErrorLength = 2_000;

    /// <summary>
    /// How long a list of tools is believed. Stateless servers have no connection whose loss would tell of a new
    /// version, so a change is noticed after this time at the latest.
    /// </summary>
    private static readonly TimeSpan ListLife = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private Session? _session;

    /// <summary>Whether it has a connection that was not given up.</summary>
    public bool IsConnected => Current is not null;

    private Session? Current =>
        Volatile.Read(ref _session) is { Connection.IsGivenUp: false } session ? session : null;

    public async ValueTask<IReadOnlyList<Tool>> ListAsync(TimeSpan timeout, CancellationToken cancellationToken) =>
        Fresh() ?? await WithinAsync(
            timeout,
            "",
            async token =>
            {
                await _gate.WaitAsync(token).ConfigureAwait(false);
                try
                {
                    return Fresh() ?? await RefreshAsync(timeout, token).ConfigureAwait(false);
                }
                finally
                {
                    _gate.Release();
                }
            },
            cancellationToken).ConfigureAwait(false);

    public async ValueTask<ToolOutcome> CallAsync(
        ToolInvocation invocation, ToolServer server, CancellationToken cancellationToken)
    {
        // Connects and lists when that has not been done.
        await ListAsync(server.Timeout, cancellationToken).ConfigureAwait(false);
        if (Current?.Connection is not { } connection || !connection.TryEnter())
            throw Unreachable(invocation.Tool, "the connection was lost");
        var parameters = new CallToolRequestParams
        {
            Name = invocation.Tool,
            Arguments = invocation.Arguments.EnumerateObject().ToDictionary(
                p => p.Name, p => p.Value, StringComparer.Ordinal),
            Meta = new JsonObject { [IdempotencyKey] = invocation.IdempotencyKey },
        };
        try
        {
            var result = await WithinAsync(
                server.Timeout,
                invocation.Tool,
                async token => await connection.Client.CallToolAsync(parameters, token).ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
            return result.IsError == true
                ? new ToolOutcome.Failed(ToolFailed(invocation.Tool, Text(result)))
                : new ToolOutcome.Succeeded(Text(result));
        }
        catch (RuntimeErrorException e) when (
            e.Error.Code == ReasonCodes.ToolServerUnreachable && !IsAnswered(e.InnerException))
        {
            await connection.GiveUpAsync().ConfigureAwait(false);
            throw;
        }
        catch (RuntimeErrorException e) when (e.InnerException is McpProtocolException)
        {
            Doubt(connection);
            throw;
        }
        finally
        {
            await connection.LeaveAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _session, null) is { } session)
            await session.Connection.EndAsync().ConfigureAwait(false);
        http.Dispose();
        _gate.Dispose();
    }

    /// <summary>Whether the server answered after all, so that the connection is none the worse.</summary>
    private static bool IsAnswered(Exception? e) =>
        e is HttpRequestException { StatusCode: not null } && !IsUnknownSession(e);

    /// <summary>
    /// Whether servers say so when they know the session no longer: 404 by the specification (2025-06-18, "Session
    /// Management"), 400 by what they do. Over HTTP, a 400 with a JSON-RPC error becomes a protocol error.
    /// </summary>
    private static bool IsUnknownSession(Exception? e) => e is McpProtocolException or HttpRequestException
    {
        StatusCode: HttpStatusCode.NotFound or HttpStatusCode.BadRequest,
    };

    private IReadOnlyList<Tool>? Fresh() =>
        Current is { ListedAt: { } listed } session && time.GetElapsedTime(listed) < ListLife ? session.Tools : null;

    /// <summary>
    /// A protocol error may be about the call or about the session. The list is asked for again before the next use,
    /// which tells.
    /// </summary>
    private void Doubt(McpConnection connection)
    {
        if (Volatile.Read(ref _session) is { } session && session.Connection == connection)
            Interlocked.CompareExchange(ref _session, session with { ListedAt = null }, session);
    }

    // The gate must be held.
    private async Task<IReadOnlyList<Tool>> RefreshAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (Current?.Connection is { } known && known.TryEnter())
        {
            try
            {
                return await ListAsync(known, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (!cancellationToken.IsCancellationRequested && IsUnknownSession(e))
            {
                // Nothing was done yet, and a new session may be all that it takes.
                await known.GiveUpAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (!(cancellationToken.IsCancellationRequested || IsAnswered(e)))
            {
                await known.GiveUpAsync().ConfigureAwait(false);
                throw;
            }
            finally
            {
                await known.LeaveAsync().ConfigureAwait(false);
            }
        }

        var connection = new McpConnection(await ConnectAsync(timeout, cancellationToken).ConfigureAwait(false), time);
        try
        {
            return await ListAsync(connection, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await connection.GiveUpAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<IReadOnlyList<Tool>> ListAsync(McpConnection connection, CancellationToken cancellationToken)
    {
        var listed = time.GetTimestamp();
        var tools = await ListAsync(connection.Client, cancellationToken).ConfigureAwait(false);
        Volatile.Write(ref _session, new Session(connection, tools, listed));
        return tools;
    }

    private async Task<IReadOnlyList<Tool>> ListAsync(McpClient client, CancellationToken cancellationToken)
    {
        var tools = new List<Tool>();
        var left = maxListChars;
        string? cursor = null;
        do
        {
            var page = await client.ListToolsAsync(new ListToolsRequestParams { Cursor = cursor }, cancellationToken)
                .ConfigureAwait(false);
            foreach (var tool in page.Tools)
            {
                left -= tool.Name.Length + (tool.Description?.Length ?? 0) + tool.InputSchema.GetRawText().Length;
                if (left < 0)
                    throw ResponseBound.Exceeded(maxListChars);

                // Of what else it says nothing is kept, since nothing else was counted.
                tools.Add(new Tool
                {
                    Name = tool.Name, Description = tool.Description, InputSchema = tool.InputSchema,
                });
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null && tools.Count < MaxTools);
        return tools;
    }

    private async Task<McpClient> ConnectAsync(TimeSpan timeout, CancellationToken cancellationToken)
    {
        var transport = new HttpClientTransport(
            new HttpClientTransportOptions
            {
                Endpoint = endpoint,
                TransportMode = HttpTransportMode.StreamableHttp,
                ConnectionTimeout = timeout,
                EnableStandaloneGetStream = false,
            },
            http,
            loggerFactory: null,
            ownsHttpClient: false);
        return await McpClient.CreateAsync(
            transport,
            new McpClientOptions
            {
                ClientInfo = new Implementation { Name = "agentruntime", Version = "0.1.0" },
                InitializationTimeout = timeout,
            },
            loggerFactory: null,
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs under a deadline of its own, and tells a timeout from the caller's cancellation.</summary>
    private async Task<T> WithinAsync<T>(
        TimeSpan timeout, string tool, Func<CancellationToken, Task<T>> act, CancellationToken cancellationToken)
    {
        var heard = HeardAnswer.Listen();
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await act(either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (cancellationToken.IsCancellationRequested && e is not RuntimeErrorException)
        {
            throw new OperationCanceledException("the call was cancelled", e, cancellationToken);
        }
        catch (Exception e) when (deadline.IsCancellationRequested || e is TimeoutException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.ToolTimeout, $"The tool server did not answer within {timeout.TotalSeconds:0.###} s.",
                    Place(tool)),
                e);
        }
        catch (Exception e) when (EgressConnections.DenialIn(e) is { } denied)
        {
            throw new RuntimeErrorException(denied, e);
        }
        catch (Exception e) when (ResponseBound.IsExceededIn(e))
        {
            throw tool.Length == 0
                ? Unreachable(tool, "its list of tools is too long", e)
                : new RuntimeErrorException(TooLarge(tool), e);
        }
        catch (McpProtocolException e)
        {
            throw new RuntimeErrorException(
                e.ErrorCode == McpErrorCode.InvalidParams && e.Message.Contains("nknown tool", StringComparison.Ordinal)
                    ? new RuntimeError(ReasonCodes.UnknownTool, "The server has no tool of that name.", Place(tool))
                    : ToolFailed(tool, e.Message),
                e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or McpException or OperationCanceledException
            or InvalidOperationException or JsonException)
        {
            throw heard.Words is not { } came ? Unreachable(tool, "no answer", e)
                : IsCutOff(e) ? Unreachable(tool, $"its answer broke off ({came})", e)
                : NotMcp(tool, came, e);
        }
    }

    private static string Text(CallToolResult result)
    {
        var text = new StringBuilder();

        // What the server sent as null is null here, whatever the type says.
        foreach (var block in (IEnumerable<ContentBlock>?)result.Content ?? [])
            if (block is TextContentBlock part)
                text.Append(text.Length == 0 ? "" : "\n").Append(part.Text);
        return text.Length == 0 && result.StructuredContent is { } structured
            ? structured.GetRawText()
            : text.ToString();
    }

    private RuntimeError ToolFailed(string tool, string message) => new(
        ReasonCodes.ToolFailed,
        message.Length == 0
            ? "The tool failed and did not say why."
            : ShortText.WithEllipsis(message, MaxErrorLength),
        Place(tool));

    private RuntimeError TooLarge(string tool) => new(
        ReasonCodes.ToolResultTooLarge,
        "The tool's answer did not end where the largest result would have, and was cut off. The call itself may have "
            + "taken effect.",
        Place(tool),
        "Ask the tool for less.");

    private RuntimeErrorException Unreachable(string tool, string why, Exception? inner = null) => new(
        new RuntimeError(
            ReasonCodes.ToolServerUnreachable,
            $"The tool server could not be reached: {why}.",
            Place(tool),
            "Check that it runs and that the bundle has its address."),
        inner);

    private RuntimeErrorException NotMcp(string tool, string came, Exception inner) => new(
        new RuntimeError(
            ReasonCodes.ToolServerUnreachable,
            $"The tool server answered, but not as MCP does: {came}.",
            Place(tool),
            "Check that the bundle has the address of the server's MCP endpoint, and that nothing before it answers."),
        inner);

    private static bool IsCutOff(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is IOException)
                return true;
        return false;
    }

    private string Place(string tool) => tool.Length == 0 ? endpoint.ToString() : $"{endpoint} {tool}";

    /// <summary>A connected client and what its server offered; when, or null to ask it again. Immutable.</summary>
    private sealed record Session(McpConnection Connection, IReadOnlyList<Tool> Tools, long? ListedAt);
}
