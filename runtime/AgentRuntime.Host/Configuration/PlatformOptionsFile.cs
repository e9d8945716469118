using System.Text.Json;
using System.Text.Json.Serialization;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Host.Configuration;

/// <summary>Reads options from JSON: comments and trailing commas allowed, unknown and repeated keys refused.</summary>
internal static class PlatformOptionsFile
{
    // By reflection: generated code would set members that the file leaves out to null instead of their defaults.
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        RespectNullableAnnotations = true,
        AllowDuplicateProperties = false,
    };

    private const int MostBytes = 4 << 20;

    /// <summary>What some editors begin a file with.</summary>
    private static ReadOnlySpan<byte> ByteOrderMark => [0xef, 0xbb, 0xbf];

    /// <exception cref="RuntimeErrorException">AR8001 with the key and line, or AR8008.</exception>
    public static PlatformOptions Read(string path)
    {
        try
        {
            ReadOnlySpan<byte> json = BoundedFile.Read(path, MostBytes);
            if (json.StartsWith(ByteOrderMark)) json = json[ByteOrderMark.Length..];
            var options = JsonSerializer.Deserialize<PlatformOptions>(json, Json)
                ?? throw new JsonException("the file holds null");
            ThrowIfEmpty(options, path);
            return Resolve(options, Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/");
        }
        catch (JsonException e)
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.InvalidConfiguration,
                    e.Message,
                    $"{path}:{e.LineNumber + 1}",
                    "Correct the key; the README's Configuration section lists all of them."),
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(ReasonCodes.UnreadableFile, $"cannot read the configuration: {e.Message}", path), e);
        }
    }

    /// <summary>Nullable annotations say nothing of what a list holds.</summary>
    private static void ThrowIfEmpty(PlatformOptions options, string path)
    {
        string[] empty =
        [
            .. options.Tenants.Any(t => t is null) ? ["tenants"] : Array.Empty<string>(),
            .. options.Tenants.Where(t => t is not null).SelectMany(
                t => t.Agents.Where(a => a.Value is null).Select(a => $"tenants.{t.Name}.agents.{a.Key}")),
            .. options.Engines.Any(e => e is null) ? ["engines"] : Array.Empty<string>(),
            .. options.EnginesDns.Any(e => e is null) ? ["engines_dns"] : Array.Empty<string>(),
            .. options.Prices.Where(p => p.Value is null).Select(p => $"prices.{p.Key}"),
        ];
        if (empty.Length > 0)
            throw new RuntimeErrorException(new RuntimeError(
                ReasonCodes.InvalidConfiguration,
                $"null stands where something is needed: {string.Join(", ", empty)}",
                path,
                "Correct the keys; the README's Configuration section tells what they take."));
    }

    /// <summary>Paths in the file are relative to its folder, wherever the process was started.</summary>
    private static PlatformOptions Resolve(PlatformOptions options, string folder) => options with
    {
        State = Path.Combine(folder, options.State),
        Sandbox = options.Sandbox with
        {
            Library = options.Sandbox.Library is { } library ? Path.Combine(folder, library) : null,
        },
        EnginesFile = options.EnginesFile is { } engines ? Path.Combine(folder, engines) : null,
        Nodes = options.Nodes with
        {
            Model = options.Nodes.Model is { } model ? Path.Combine(folder, model) : null,
        },
        Tenants =
        [
            .. options.Tenants.Select(tenant => tenant with
            {
                Bundle = tenant.Bundle is { } bundle ? Path.Combine(folder, bundle) : null,
                Agents = tenant.Agents.ToDictionary(a => a.Key, a => Path.Combine(folder, a.Value)),
            }),
        ],
    };
}
