namespace AgentRuntime.Policies.Cedar;

/// <summary>A value, an error, or what remains of an expression.</summary>
internal readonly record struct PartialResult(
    CedarValue Value, Expr? Residual, CedarErrorKind ErrorKind, string ErrorMessage)
{
    public bool IsError => ErrorKind != CedarErrorKind.None;

    public bool IsKnown => Residual is null && !IsError;

    public static PartialResult Known(CedarValue value) => new(value, null, CedarErrorKind.None, "");

    public static PartialResult Open(Expr residual) => new(default, residual, CedarErrorKind.None, "");

    public static PartialResult Failed(CedarErrorKind kind, string message) => new(default, null, kind, message);

    /// <summary>An error when it is known and no bool.</summary>
    public PartialResult AsBool() =>
        IsKnown && Value.Kind != CedarValueKind.Bool
            ? Failed(CedarErrorKind.TypeMismatch, $"type error: expected bool, got {Value.Kind}")
            : this;

    /// <summary>
    /// The expression to put in a residual: the value, what remains, or for an error what fails again.
    /// </summary>
    public Expr ToExpr(Expr original) => Residual ?? (IsError ? original : new LiteralExpr(Value));
}
