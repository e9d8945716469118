namespace AgentRuntime.Policies.Cedar;

/// <summary>How strict validation is (Cedar reference, "Validation").</summary>
public enum CedarValidationMode
{
    /// <summary>Not a mode.</summary>
    None = 0,
    /// <summary>The default of Cedar: no mixed sets, no comparison of different types, literal constructors.</summary>
    Strict = 1,
    /// <summary>Only what could fail at a request.</summary>
    Permissive = 2,
}

/// <summary>What validation found.</summary>
/// <param name="Errors">Why the policies are refused; none when they are valid.</param>
/// <param name="Warnings">What is worth a look, such as a policy that can never apply.</param>
public sealed record CedarValidationResult(
    IReadOnlyList<CedarDiagnostic> Errors, IReadOnlyList<CedarDiagnostic> Warnings)
{
    public bool IsValid => Errors.Count == 0;
}

/// <summary>
/// Checks policies, requests and entities against a schema with the verdicts of the reference validator. Pure and
/// thread-safe; the codes of what it reports are <see cref="CedarValidationCodes"/>.
/// </summary>
public static partial class CedarValidator
{
    /// <summary>Checks all policies, templates and links of a set.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="policies">The policies.</param>
    /// <param name="mode">Strict unless said otherwise.</param>
    /// <param name="maximumLevel">When given, how many entities deep a policy may read (Cedar RFC 76), 0 or
    /// more.</param>
    /// <param name="cancellationToken">Cancels between two policies.</param>
    public static CedarValidationResult Validate(
        CedarSchema schema,
        CedarPolicySet policies,
        CedarValidationMode mode = CedarValidationMode.Strict,
        int? maximumLevel = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(schema);
        ArgumentNullException.ThrowIfNull(policies);
        if (mode is not (CedarValidationMode.Strict or CedarValidationMode.Permissive))
            throw new ArgumentOutOfRangeException(nameof(mode));
        if (maximumLevel is < 0) throw new ArgumentOutOfRangeException(nameof(maximumLevel));
        var report = new ValidationReport();
        var validation = new PolicyValidation(schema, mode == CedarValidationMode.Strict, maximumLevel, report);
        foreach (var template in policies.Templates) validation.Check(template);
        foreach (var policy in policies.Policies)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var isChecked = policy.TemplateId is not null
                && policies.TryGet(policy.TemplateId, out var template) && template.IsTemplate;
            if (isChecked) validation.CheckLink(policy);
            else validation.Check(policy);
        }

        return new(
            [.. report.Diagnostics.Where(d => d.Severity == CedarSeverity.Error)],
            [.. report.Diagnostics.Where(d => d.Severity == CedarSeverity.Warning)]);
    }
}
