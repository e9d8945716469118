namespace AgentRuntime.Abstractions;

/// <content>1xxx: the HTTP edge and identity.</content>
public static partial class ReasonCodes
{
    /// <summary>The request carries no API key.</summary>
    public static readonly ReasonCode MissingCredential = new(1001);

    /// <summary>The API key is unknown, revoked or malformed.</summary>
    public static readonly ReasonCode InvalidCredential = new(1002);

    /// <summary>The request body is larger than the edge accepts.</summary>
    public static readonly ReasonCode BodyTooLarge = new(1003);

    /// <summary>The request body or a parameter cannot be read.</summary>
    public static readonly ReasonCode MalformedRequest = new(1004);

    /// <summary>Nothing of this tenant has that address.</summary>
    public static readonly ReasonCode NotFound = new(1005);

    /// <summary>The tenant's project has no agent of that name.</summary>
    public static readonly ReasonCode UnknownAgent = new(1006);

    /// <summary>The tenant has no run of that id.</summary>
    public static readonly ReasonCode UnknownRun = new(1007);

    /// <summary>No model of that name is served here.</summary>
    public static readonly ReasonCode UnknownModel = new(1008);

    /// <summary>The platform failed; the request id leads to its log.</summary>
    public static readonly ReasonCode Internal = new(1009);

    /// <summary>The request asks for something that this endpoint does not do.</summary>
    public static readonly ReasonCode UnsupportedParameter = new(1010);
}
