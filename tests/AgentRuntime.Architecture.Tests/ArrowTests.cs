using System.Xml.Linq;
using AgentRuntime.TestKit;

namespace AgentRuntime.Architecture.Tests;

/// <summary>The arrows of the design: which project may reference which. Nothing else may.</summary>
public class ArrowTests
{
    private const string Everything = "*";

    private static readonly Dictionary<string, string[]> Arrows = new()
    {
        ["AgentRuntime.Abstractions"] = [],
        ["AgentRuntime.Execution"] = ["AgentRuntime.Abstractions"],
        ["AgentRuntime.ControlPlane"] = ["AgentRuntime.Abstractions"],
        ["AgentRuntime.Identity"] = ["AgentRuntime.Abstractions"],
        ["AgentRuntime.Storage"] = ["AgentRuntime.Abstractions"],
        ["AgentRuntime.Sdk"] = ["AgentRuntime.Abstractions"],
        ["AgentRuntime.Cli"] = ["AgentRuntime.Sdk"],
        ["AgentRuntime.Host"] = [Everything],
        ["AgentRuntime.Samples.Shop"] = [],
        ["AgentRuntime.Policies.Cedar"] = [],
        ["AgentRuntime.Policies"] = ["AgentRuntime.Abstractions", "AgentRuntime.Policies.Cedar"],
        ["AgentRuntime.Sandboxes"] = ["AgentRuntime.Abstractions"],
        ["AgentRuntime.Sandboxes.Managed"] = ["AgentRuntime.Sandboxes"],
        ["AgentRuntime.Sandboxes.Wasmtime"] = ["AgentRuntime.Sandboxes"],
        ["AgentRuntime.Gateway.Routing"] = ["AgentRuntime.Abstractions"],
        ["AgentRuntime.Gateway"] =
            ["AgentRuntime.Abstractions", "AgentRuntime.Gateway.Routing", "AgentRuntime.Prompts", "AgentRuntime.Rpc"],
        ["AgentRuntime.Rpc"] = [],
        ["AgentRuntime.Prompts"] = [],
        ["AgentRuntime.Node"] = ["AgentRuntime.Abstractions", "AgentRuntime.Prompts", "AgentRuntime.Rpc"],
        ["AgentRuntime.Console"] = ["AgentRuntime.Sdk"],
    };

    [Fact]
    public void No_project_has_an_arrow_that_the_design_does_not_have()
    {
        var wrong =
            from project in ProductProjects()
            from reference in References(project)
            let name = NameOf(project)
            where !Arrows.TryGetValue(name, out var allowed)
                || !(allowed.Contains(Everything) || allowed.Contains(reference))
            select $"{name} -> {reference}";

        Findings.AssertNone(wrong);
    }

    [Fact]
    public void Every_product_project_is_in_the_table() =>
        Findings.AssertNone(ProductProjects().Select(NameOf).Except(Arrows.Keys));

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "AgentRuntime.sln"));

        Findings.AssertNone(SourceTree.Files("*.csproj").Select(file => Path.GetFileName(file))
            .Where(file => !solution.Contains(file!, StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_product_project_has_tests()
    {
        var tested = ProductProjects().Select(NameOf)
            .Except(["AgentRuntime.Host", "AgentRuntime.Cli"]) // run as processes by the integration tests
            .Where(name => !Directory.Exists(Path.Combine(Repository.Root, "tests", name + ".Tests")));

        Findings.AssertNone(tested);
    }

    [Fact]
    public void The_pure_projects_use_no_package()
    {
        string[] pure = ["AgentRuntime.Abstractions", "AgentRuntime.Policies.Cedar", "AgentRuntime.Gateway.Routing"];

        Findings.AssertNone(ProductProjects().Where(p => pure.Contains(NameOf(p)))
            .SelectMany(p => XDocument.Load(p).Descendants("PackageReference").Select(r => $"{p}: {r}")));
    }

    private static IEnumerable<string> ProductProjects() =>
        SourceTree.Files("*.csproj").Where(p => !SourceTree.Relative(p).StartsWith("tests/", StringComparison.Ordinal));

    private static IEnumerable<string> References(string project) =>
        XDocument.Load(project).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));

    private static string NameOf(string project) => Path.GetFileNameWithoutExtension(project);
}
