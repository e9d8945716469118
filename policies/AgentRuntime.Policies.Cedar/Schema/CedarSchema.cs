using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace AgentRuntime.Policies.Cedar;

/// <summary>Which entity types and actions there are and what they look like. Immutable and thread-safe.</summary>
public sealed partial class CedarSchema
{
    internal CedarSchema(
        SchemaSyntax syntax, Dictionary<string, EntityTypeInfo> entityTypes, Dictionary<EntityUid, ActionInfo> actions)
    {
        Syntax = syntax;
        EntityTypeInfos = entityTypes.ToFrozenDictionary(StringComparer.Ordinal);
        ActionInfos = actions.ToFrozenDictionary();
        ActionEntities = CedarEntities.Create(actions.Values.Select(a => new CedarEntity(a.Uid, null, a.Ancestors)));
    }

    /// <summary>The names of all entity types, without those of actions.</summary>
    public IEnumerable<string> EntityTypes => EntityTypeInfos.Keys;

    /// <summary>All actions, action groups included.</summary>
    public IEnumerable<EntityUid> Actions => ActionInfos.Keys;

    /// <summary>The actions as entities, with their groups as parents.</summary>
    public CedarEntities ActionEntities { get; }

    internal SchemaSyntax Syntax { get; }

    internal FrozenDictionary<string, EntityTypeInfo> EntityTypeInfos { get; }

    internal FrozenDictionary<EntityUid, ActionInfo> ActionInfos { get; }

    /// <summary>Reads the Cedar form.</summary>
    /// <exception cref="CedarException">The schema is refused.</exception>
    public static CedarSchema Parse(string text, string? file = null, CedarLimits? limits = null) =>
        TryParse(text, out var schema, out var diagnostics, file, limits)
            ? schema
            : throw new CedarException(diagnostics);

    /// <summary>As <see cref="Parse"/>, without the exception.</summary>
    public static bool TryParse(
        string text,
        [NotNullWhen(true)] out CedarSchema? schema,
        out IReadOnlyList<CedarDiagnostic> diagnostics,
        string? file = null,
        CedarLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        limits = (limits ?? CedarLimits.Default).Validated();
        var errors = new List<CedarDiagnostic>();
        diagnostics = errors;
        schema = null;
        if (text.Length > limits.MaximumTextLength)
        {
            var message = $"the text is longer than {limits.MaximumTextLength} characters";
            errors.Add(new(CedarSeverity.Error, "limit", message, new(file, 1, 1, 0, 0)));
            return false;
        }

        var syntax = new SchemaParser(new(text, file), limits, errors).ReadSchema();
        if (syntax is null || errors.Count > 0) return false;
        schema = SchemaResolver.Resolve(syntax, limits, errors);
        return schema is not null;
    }

    /// <summary>Reads the JSON form.</summary>
    /// <exception cref="CedarException">The schema is refused.</exception>
    public static CedarSchema ParseJson(ReadOnlyMemory<byte> utf8, CedarLimits? limits = null)
    {
        limits = (limits ?? CedarLimits.Default).Validated();
        var syntax = JsonReading.Read(() =>
        {
            using var document = JsonReading.Parse(utf8, limits, levelsPerDepth: 2);
            return SchemaJsonReader.Read(document.RootElement);
        });
        var errors = new List<CedarDiagnostic>();
        return SchemaResolver.Resolve(syntax, limits, errors) ?? throw new CedarException(errors);
    }

    /// <inheritdoc cref="ParseJson(ReadOnlyMemory{byte}, CedarLimits?)"/>
    public static CedarSchema ParseJson(string json, CedarLimits? limits = null) =>
        ParseJson(Encoding.UTF8.GetBytes(json), limits);

    /// <summary>The schema in its JSON form.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, JsonWriting.Options)) SchemaJsonWriter.Write(json, Syntax);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>The schema in its Cedar form, without the comments of its source.</summary>
    /// <exception cref="InvalidOperationException">An entity's shape is a named type, which only JSON can
    /// say.</exception>
    public override string ToString() => SchemaText.Write(Syntax);

    /// <summary>The types of principal and of resource that an action applies to; empty for groups.</summary>
    public (IReadOnlyList<string> Principals, IReadOnlyList<string> Resources) AppliesTo(EntityUid action)
    {
        ArgumentNullException.ThrowIfNull(action);
        return ActionInfos.TryGetValue(action, out var info) ? (info.Principals, info.Resources) : ([], []);
    }
}

/// <summary>An entity type: its attributes, tags, and the types that its parents can have.</summary>
internal sealed class EntityTypeInfo(string name, RecordType attributes, CedarType? tags, string[]? enumIds)
{
    public string Name => name;

    public RecordType Attributes => attributes;

    public CedarType? Tags => tags;

    /// <summary>The only ids that exist, or null when any id may.</summary>
    public string[]? EnumIds => enumIds;

    /// <summary>
    /// Types that entities of this type can be <c>in</c>, closed, without this one unless it is its own parent.
    /// </summary>
    public HashSet<string> AncestorTypes { get; } = new(StringComparer.Ordinal);

    /// <summary>Types of direct parents.</summary>
    public HashSet<string> ParentTypes { get; } = new(StringComparer.Ordinal);
}

/// <summary>An action: what it applies to and the groups that it is in.</summary>
internal sealed class ActionInfo(EntityUid uid, string[] principals, string[] resources, RecordType context)
{
    public EntityUid Uid => uid;

    public string[] Principals => principals;

    public string[] Resources => resources;

    public RecordType Context => context;

    public List<EntityUid> Parents { get; } = [];

    /// <summary>All groups, closed.</summary>
    public HashSet<EntityUid> Ancestors { get; } = [];
}
