namespace AgentRuntime.Policies;

/// <summary>For whose eyes something is, from least to most confidential.</summary>
internal enum Confidentiality : byte
{
    /// <summary>For everybody.</summary>
    Public = 1,

    /// <summary>For the tenant.</summary>
    Tenant = 2,

    /// <summary>For one user of the tenant.</summary>
    User = 3,
}

/// <summary>The labels of what a tool server answers, or of what an agent is given.</summary>
/// <param name="Trusted">Nobody outside the tenant could have written it.</param>
/// <param name="Confidentiality">For whose eyes it is.</param>
internal readonly record struct DataLabels(bool Trusted, Confidentiality Confidentiality)
{
    /// <summary>What is assumed when a bundle says nothing.</summary>
    public static DataLabels Default => new(false, Confidentiality.Tenant);
}

/// <summary>The labels' names in bundles and in <c>context.history</c>.</summary>
internal static class ConfidentialityNames
{
    public static readonly string[] All = ["public", "tenant", "user"];

    public static string Of(Confidentiality level) => All[(int)level - 1];

    /// <summary>What a label that an obligation adds means: <c>untrusted</c>, or a confidentiality.</summary>
    public static DataLabels ToLabels(string label) =>
        label == "untrusted"
            ? new(false, Confidentiality.Public)
            : new(true, (Confidentiality)(Array.IndexOf(All, label) + 1));
}
