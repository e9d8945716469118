using System.Text;

namespace AgentRuntime.Policies;

/// <summary>Shows what a bundle is compiled to. Stateless.</summary>
public static class BundleInspection
{
    /// <summary>The Cedar schema that the bundle's tools give, in Cedar's own syntax.</summary>
    /// <exception cref="Abstractions.RuntimeErrorException">AR2007: the first thing that is wrong with the
    /// bundle.</exception>
    public static string RenderSchema(IReadOnlyDictionary<string, string> files, PolicyOptions? options = null) =>
        Compile(files, options).Schema;

    /// <summary>The Cedar policies that the bundle's YAML is compiled to, in the order of agents and grants.</summary>
    /// <exception cref="Abstractions.RuntimeErrorException">AR2007: the first thing that is wrong with the
    /// bundle.</exception>
    public static string RenderPolicies(IReadOnlyDictionary<string, string> files, PolicyOptions? options = null)
    {
        var text = new StringBuilder();
        foreach (var policy in Compile(files, options).Generated)
            text.Append(text.Length == 0 ? "" : "\n").Append(policy.Text);
        return text.ToString();
    }

    internal static CompiledBundle Compile(
        IReadOnlyDictionary<string, string> files,
        PolicyOptions? options,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        var problems = new Problems();
        return BundleCompiler.Compile(files, options ?? new(), problems, cancellationToken)
            ?? throw new Abstractions.RuntimeErrorException(problems.ToList()[0]);
    }
}
