namespace AgentRuntime.Abstractions;

/// <content>5xxx: tools.</content>
public static partial class ReasonCodes
{
    /// <summary>The tool server could not be reached.</summary>
    public static readonly ReasonCode ToolServerUnreachable = new(5001);

    /// <summary>The tool did not answer in time.</summary>
    public static readonly ReasonCode ToolTimeout = new(5002);

    /// <summary>The tool answered with an error.</summary>
    public static readonly ReasonCode ToolFailed = new(5003);

    /// <summary>No tool server offers a tool of that name.</summary>
    public static readonly ReasonCode UnknownTool = new(5004);

    /// <summary>The arguments are not a JSON object that the tool's schema accepts.</summary>
    public static readonly ReasonCode InvalidArguments = new(5005);

    /// <summary>The tool's result is larger than the broker accepts.</summary>
    public static readonly ReasonCode ToolResultTooLarge = new(5006);

    /// <summary>The tool's schema differs from the one that was approved.</summary>
    public static readonly ReasonCode ToolSchemaChanged = new(5007);
}
