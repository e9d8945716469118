using System.Text;
using System.Text.Json;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>
/// Reads <c>tools/&lt;server&gt;.json</c>: the tools as they were approved, in the form that MCP's <c>tools/list</c>
/// gives them (name, description, inputSchema). Stateless.
/// </summary>
internal static class ToolPinReader
{
    public const int MaxTools = 1_000;
    private const int MaxDescription = 8_000;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    private static readonly string[] Keys =
        ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];

    public static IReadOnlyList<ToolPin> Read(
        IEnumerable<KeyValuePair<string, string>> files, IReadOnlyList<ServerDefinition> servers, Problems problems)
    {
        var pins = new Dictionary<string, ToolPin>(StringComparer.Ordinal);
        var pinned = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (path, text) in files)
        {
            var server = Path.GetFileNameWithoutExtension(path);
            pinned.Add(server);
            if (servers.All(s => s.Name != server))
            {
                problems.Add(
                    new(path, 0, 0),
                    $"no server '{server}' is in {BundleFiles.Main}",
                    problems.Suggest(server, servers.Select(s => s.Name)));
            }

            if (pins.Count <= MaxTools)
                ReadFile(path, text, server, pins, problems);
        }

        foreach (var server in servers.Where(s => !pinned.Contains(s.Name)))
        {
            problems.Add(
                server.Position, $"the tools of '{server.Name}' are not pinned", $"add tools/{server.Name}.json");
        }

        if (pins.Count > MaxTools)
            problems.Add(default, $"the bundle pins more than {MaxTools} tools", $"at most {MaxTools} are read");
        return pins.Values.ToList();
    }

    private static void ReadFile(
        string path, string text, string server, Dictionary<string, ToolPin> pins, Problems problems)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        JsonElement root;
        try
        {
            // Before anything is read: reading a name or a text that is none throws.
            if (FindNoText(bytes) is { } line)
            {
                problems.Add(
                    new(path, line, 1), "a text holds half of a surrogate pair", "write the character as it is");
                return;
            }

            using var document = JsonDocument.Parse(bytes, Strict);
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            problems.Add(
                new(path, (int)(e.LineNumber ?? 0) + 1, (int)(e.BytePositionInLine ?? 0) + 1),
                $"not readable as JSON: {e.Message.Split(" LineNumber:")[0]}");
            return;
        }

        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("tools", out var inner))
            root = inner;
        if (root.ValueKind != JsonValueKind.Array)
        {
            problems.Add(new(path, 1, 1), "the file must hold a list of tools", "the 'tools' that tools/list answers");
            return;
        }

        var lines = ToolLines(bytes);
        var index = 0;
        foreach (var tool in root.EnumerateArray())
        {
            var at = new BundlePosition(path, index < lines.Count ? lines[index] : 1, 1);
            index++;
            if (ReadTool(tool, server, at, problems) is not { } pin)
                continue;
            if (!pins.TryAdd(pin.Name, pin))
                problems.Add(at, $"'{pin.Name}' is pinned twice", "remove one of them");
            if (pins.Count > MaxTools)
                return;
        }
    }

    private static ToolPin? ReadTool(JsonElement tool, string server, BundlePosition at, Problems problems)
    {
        if (tool.ValueKind != JsonValueKind.Object)
        {
            problems.Add(at, "a tool must be an object");
            return null;
        }

        foreach (var property in tool.EnumerateObject())
        {
            if (!Keys.Contains(property.Name))
                problems.Add(at, $"a tool has no '{property.Name}'", problems.Suggest(property.Name, Keys));
        }

        var name = TextOf(tool, "name");
        if (name is null || !Names.IsTool(name))
        {
            problems.Add(
                at, $"'{name}' is not a name for a tool", "it takes letters, digits, '_', '-' and '.', at most 128");
            return null;
        }

        var description = TextOf(tool, "description") ?? "";
        if (description.Length > MaxDescription)
            problems.Add(at, $"the description of '{name}' is longer than {MaxDescription} characters");
        if (!tool.TryGetProperty("inputSchema", out var schema))
        {
            problems.Add(at, $"'{name}' lacks 'inputSchema'", "pin the one that the server answers to tools/list");
            return null;
        }

        var shape = ShapeReader.ReadArguments(schema, out var problem);
        if (shape is null)
        {
            problems.Add(at, $"the input schema of '{name}': {problem}");
            return null;
        }

        var readOnly = tool.TryGetProperty("annotations", out var hints)
            && hints.ValueKind == JsonValueKind.Object
            && hints.TryGetProperty("readOnlyHint", out var hint)
            && hint.ValueKind == JsonValueKind.True;
        return new(new($"{server}/{name}", description, schema), server, shape, at) { IsReadOnly = readOnly };
    }

    private static string? TextOf(JsonElement tool, string key) =>
        tool.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>The line of the first name or text whose escapes stand for no text; null when all do.</summary>
    private static int? FindNoText(byte[] bytes)
    {
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = Strict.MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
                continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException)
            {
                return bytes.AsSpan(0, (int)reader.TokenStartIndex).Count((byte)'\n') + 1;
            }
        }

        return null;
    }

    /// <summary>The line on which each tool of the list begins: objects directly within the outermost list.</summary>
    private static List<int> ToolLines(byte[] bytes)
    {
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = 64 });
        var lines = new List<int>();
        var line = 1;
        var counted = 0;
        var listDepth = -1;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.StartArray && listDepth < 0)
                listDepth = reader.CurrentDepth;
            if (reader.TokenType != JsonTokenType.StartObject || listDepth < 0 || reader.CurrentDepth != listDepth + 1)
                continue;
            var start = (int)reader.TokenStartIndex;
            line += bytes.AsSpan(counted, start - counted).Count((byte)'\n');
            counted = start;
            lines.Add(line);
        }

        return lines;
    }
}
