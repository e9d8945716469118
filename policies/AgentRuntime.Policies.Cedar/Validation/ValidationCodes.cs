namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The classes of validation errors, named as in the reference validator. They are the
/// <see cref="CedarDiagnostic.Code"/> of what <see cref="CedarValidator"/> reports.
/// </summary>
public static class CedarValidationCodes
{
    public const string UnrecognizedEntityType = "unrecognizedEntityType";
    public const string UnrecognizedActionId = "unrecognizedActionId";
    public const string InvalidActionApplication = "invalidActionApplication";
    public const string InvalidEnumEntity = "invalidEnumEntity";
    public const string UnexpectedType = "unexpectedType";
    public const string IncompatibleTypes = "incompatibleTypes";
    public const string UnsafeAttributeAccess = "unsafeAttributeAccess";
    public const string UnsafeOptionalAttributeAccess = "unsafeOptionalAttributeAccess";
    public const string UnsafeTagAccess = "unsafeTagAccess";
    public const string NoTagsAllowed = "noTagsAllowed";
    public const string WrongNumberArguments = "wrongNumberArguments";
    public const string FunctionArgumentValidation = "functionArgumentValidation";
    public const string NonLiteralExtensionConstructor = "nonLitExtConstructor";
    public const string EmptySetForbidden = "emptySetForbidden";
    public const string EntityDereferenceLevel = "entityDerefLevelViolation";

    /// <summary>A warning: no request that the schema allows can satisfy the policy.</summary>
    public const string ImpossiblePolicy = "impossiblePolicy";
}
