using System.Buffers;
using System.Text.Json;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>
/// Records of one tenant that are written together, as a JSON array of <c>[UTC ticks, data]</c>: a row, an index entry
/// and a statement for many of them instead of for each (decision 0505). Immutable.
/// </summary>
/// <param name="Tenant">Whose they are.</param>
/// <param name="Records">How many.</param>
/// <param name="NewestAt">The latest of their times.</param>
/// <param name="Kinds">Each kind among them once, between blanks.</param>
/// <param name="Data">The array.</param>
internal sealed record AuditSegment(TenantId Tenant, int Records, DateTimeOffset NewestAt, string Kinds, byte[] Data)
{
    /// <summary>The most records in one.</summary>
    public const int MaxRecords = 256;

    /// <summary>One that has come to so many bytes takes no more records; below what goes to the large heap.</summary>
    private const int FullAtBytes = 32 << 10;

    // The array, and the pair in it, around what a record may have.
    private static readonly JsonDocumentOptions Depth = new() { MaxDepth = WireJson.MostLevels + 2 };

    /// <summary>Makes segments of records, each tenant's in the order given.</summary>
    public static IReadOnlyList<AuditSegment> Of(IReadOnlyList<AuditEntry> entries)
    {
        var segments = new List<AuditSegment>();
        var open = new Dictionary<TenantId, Writer>();
        foreach (var entry in entries)
        {
            if (!open.TryGetValue(entry.Tenant, out var writer))
                open.Add(entry.Tenant, writer = new Writer(entry.Tenant));
            if (writer.Add(entry))
                segments.Add(writer.Close());
        }

        foreach (var writer in open.Values)
        {
            if (!writer.IsEmpty)
                segments.Add(writer.Close());
        }

        return segments;
    }

    /// <summary>The text that <see cref="Kinds"/> contains when a record of the kind is among them.</summary>
    public static string Mark(string kind) => $" {kind} ";

    /// <summary>Reads a segment's records that a query asks for, in the order of the array.</summary>
    /// <param name="id">The id of its last record.</param>
    /// <param name="kept">How many are kept: the last ones.</param>
    /// <param name="data">The array.</param>
    /// <param name="query">What to look for.</param>
    public static List<AuditRecord> Read(long id, int kept, ReadOnlyMemory<byte> data, AuditQuery query)
    {
        using var json = JsonDocument.Parse(data, Depth);
        var array = json.RootElement;
        var at = id - array.GetArrayLength();
        var found = new List<AuditRecord>();
        foreach (var item in array.EnumerateArray())
        {
            at++;
            if (at <= id - kept || at <= query.After || at >= query.Before)
                continue;
            var time = new DateTimeOffset(item[0].GetInt64(), TimeSpan.Zero);
            if (time < query.Since)
                continue;
            if (query.Kind is { } kind && !item[1].GetProperty("type"u8).ValueEquals(kind))
                continue;
            found.Add(new AuditRecord(at, time, item[1].Deserialize(WireJson.Default.AuditData)!));
        }

        return found;
    }

    private sealed class Writer(TenantId tenant)
    {
        private readonly ArrayBufferWriter<byte> _buffer = new(1024);
        private readonly List<string> _kinds = [];
        private Utf8JsonWriter? _json;
        private int _records;
        private DateTimeOffset _newest;

        public bool IsEmpty => _records == 0;

        /// <summary>Adds a record; true when that was the last one that it takes.</summary>
        public bool Add(AuditEntry entry)
        {
            if (_json is null)
            {
                _json = new Utf8JsonWriter(_buffer);
                _json.WriteStartArray();
            }

            _json.WriteStartArray();
            _json.WriteNumberValue(entry.At.UtcTicks);
            JsonSerializer.Serialize(_json, entry.Data, WireJson.Default.AuditData);
            _json.WriteEndArray();
            if (!_kinds.Contains(entry.Data.Kind))
                _kinds.Add(entry.Data.Kind);
            if (_records++ == 0 || entry.At > _newest)
                _newest = entry.At;
            return _records == MaxRecords || _json.BytesCommitted + _json.BytesPending >= FullAtBytes;
        }

        public AuditSegment Close()
        {
            _json!.WriteEndArray();
            _json.Dispose();
            var segment = new AuditSegment(
                tenant, _records, _newest, Mark(string.Join(' ', _kinds)), _buffer.WrittenSpan.ToArray());
            _json = null;
            _buffer.ResetWrittenCount();
            _kinds.Clear();
            _records = 0;
            return segment;
        }
    }
}
