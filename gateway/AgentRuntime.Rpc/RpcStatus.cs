namespace AgentRuntime.Rpc;

/// <summary>A call's end: code, and for people a message. Immutable.</summary>
public sealed record RpcStatus(RpcStatusCode Code, string Message = "")
{
    /// <summary>Success.</summary>
    public static RpcStatus Ok { get; } = new(RpcStatusCode.Ok);

    /// <summary>Whether the call succeeded.</summary>
    public bool IsOk => Code == RpcStatusCode.Ok;

    /// <inheritdoc/>
    public override string ToString() => Message.Length == 0 ? Code.ToString() : $"{Code}: {Message}";
}
