namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// What type checking found: the type where one is known, also after an error, so that one error does not hide another;
/// whether it succeeded; and what is known to exist when the expression is true.
/// </summary>
internal readonly record struct TypeAnswer(CedarType? Type, bool IsSuccess, Capabilities Capabilities)
{
    public static TypeAnswer Success(CedarType type) => new(type, true, Capabilities.None);

    public static TypeAnswer Success(CedarType type, Capabilities capabilities) => new(type, true, capabilities);

    public static TypeAnswer Fail(CedarType? type = null) => new(type, false, Capabilities.None);

    /// <summary>This answer, failed if what it was built on failed.</summary>
    public TypeAnswer After(TypeAnswer earlier) => earlier.IsSuccess ? this : Fail(Type);
}
