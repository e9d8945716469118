namespace AgentRuntime.Abstractions;

/// <content>6xxx: quota and budget.</content>
public static partial class ReasonCodes
{
    /// <summary>The tenant's requests in the window are used up.</summary>
    public static readonly ReasonCode RequestQuota = new(6001);

    /// <summary>The tenant's tokens in the window are used up or held.</summary>
    public static readonly ReasonCode TokenQuota = new(6002);

    /// <summary>The run's token or money budget is used up.</summary>
    public static readonly ReasonCode RunBudget = new(6003);

    /// <summary>The tenant runs as many agents at once as it may.</summary>
    public static readonly ReasonCode ConcurrencyQuota = new(6004);

    /// <summary>The model has no price, so its use cannot be charged.</summary>
    public static readonly ReasonCode UnknownPrice = new(6005);

    /// <summary>The tenant's money budget is used up or held.</summary>
    public static readonly ReasonCode MoneyBudget = new(6006);

    /// <summary>What the tenant may keep in the store has no room for more.</summary>
    public static readonly ReasonCode StorageQuota = new(6007);
}
