using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>Which HTTP status and which OpenAI error type a reason code has: the one table. Stateless.</summary>
internal static class ErrorStatus
{
    public static int Of(ReasonCode code) => code.Number switch
    {
        1001 or 1002 => 401,
        1003 or 7005 => 413,
        1005 or 1006 or 1007 or 1008 => 404,
        1009 => 500,
        >= 1000 and < 2000 => 400,
        2007 => 422,
        2011 or 2017 => 404,
        2012 => 429,
        2015 => 503,
        >= 2000 and < 3000 => 403,
        3002 => 413,
        3014 => 503,
        >= 3000 and < 4000 => 422,
        4001 or 4009 => 503,
        4005 or 5002 => 504,
        4006 or 4008 => 400,
        4010 => 500,
        >= 4000 and < 6000 => 502,
        6005 or 6007 => 403,
        >= 6000 and < 7000 => 429,
        7006 => 503,
        >= 7000 and < 8000 => 409,
        _ => 500,
    };

    /// <summary>The <c>type</c> of OpenAI's error object.</summary>
    public static string OpenAiType(ReasonCode code) => Of(code) switch
    {
        429 when code == ReasonCodes.MoneyBudget || code == ReasonCodes.RunBudget => "insufficient_quota",
        429 => "rate_limit_exceeded",
        401 => "authentication_error",
        403 => "permission_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };
}
