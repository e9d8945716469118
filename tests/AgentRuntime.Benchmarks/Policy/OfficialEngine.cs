using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using AgentRuntime.Policies.Cedar;
using AgentRuntime.TestKit;

namespace AgentRuntime.Benchmarks.Policy;

/// <summary>
/// The official engine (<c>@cedar-policy/cedar-wasm</c>) on the same requests, in its fastest way: policies parsed
/// beforehand, and with each call, because it has no other way, only the entities that the request needs. Null where
/// node or the package is missing.
/// </summary>
internal static class OfficialEngine
{
    public static double? MedianMicroseconds(PolicyWorkload workload, int calls)
    {
        var folder = Path.Combine(Repository.Root, "tests", "peers", "cedar");
        try
        {
            if (!Directory.Exists(Path.Combine(folder, "node_modules"))
                && Run(folder, "npm", "ci --no-audit --no-fund", "") is null)
                return null;
            if (Run(folder, "node", "measure.mjs", Input(workload, calls)) is { } answer)
                return double.Parse(answer.Trim(), CultureInfo.InvariantCulture);
        }
        catch (System.ComponentModel.Win32Exception)
        {
        }

        Console.Error.WriteLine("the official engine is not there: node or npm ci failed");
        return null;
    }

    private static string Input(PolicyWorkload workload, int calls)
    {
        var policies = CedarPolicySet.Parse(workload.PolicyText);
        var entities = CedarEntities.Create(workload.Entities);
        var requests = new JsonArray();
        foreach (var request in workload.Requests.Take(calls))
        {
            requests.Add(new JsonObject
            {
                ["principal"] = Uid(request.Principal),
                ["action"] = Uid(request.Action),
                ["resource"] = Uid(request.Resource),
                ["entities"] = Slice(entities, request),
                ["context"] =
                    new JsonObject(request.Context.Select(p => KeyValuePair.Create(p.Key, (JsonNode?)Value(p.Value)))),
                // Sent along so that the two engines are known to have done the same work.
                ["decision"] = CedarAuthorizer.Authorize(policies, entities, request).IsAllowed ? "allow" : "deny",
            });
        }

        return new JsonObject
        {
            ["policies"] = workload.PolicyText,
            ["requests"] = requests,
        }.ToJsonString();
    }

    private static JsonNode? Slice(CedarEntities entities, CedarRequest request)
    {
        var needed = new[] { request.Principal, request.Resource }
            .SelectMany(u => entities.AncestorsOf(u).Prepend(u))
            .Distinct()
            .Select(u => entities.TryGet(u, out var entity) ? entity : null)
            .OfType<CedarEntity>();
        return JsonNode.Parse(CedarEntities.Create(needed).ToJson());
    }

    private static JsonObject Uid(EntityUid uid) => new() { ["type"] = uid.Type, ["id"] = uid.Id };

    private static JsonValue? Value(CedarValue value) =>
        value.Kind == CedarValueKind.Bool ? JsonValue.Create(value.AsBool()) : JsonValue.Create(value.AsLong());

    private static string? Run(string folder, string file, string arguments, string input)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        })!;
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : null;
    }
}
