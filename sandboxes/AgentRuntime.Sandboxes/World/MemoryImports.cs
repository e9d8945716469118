using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Abi;

namespace AgentRuntime.Sandboxes.World;

/// <summary>
/// The interface <c>memory</c>. Stateless: a bucket is named in each call, so that a guest holds no handle that a
/// snapshot would have to keep.
/// </summary>
internal static class MemoryImports
{
    private const uint TextBytes = 8;

    public static IEnumerable<WorldFunction> All { get; } =
    [
        Of("get", "iiii", MemoryOperation.Get),
        Of("exists", "iiii", MemoryOperation.Exists),
        Of("list-keys", "iiiii", MemoryOperation.ListKeys),
        Of("set", "iiiiii", MemoryOperation.Set),
        Of("delete", "iiii", MemoryOperation.Delete),
    ];

    /// <summary>Lowers <c>option&lt;list&lt;u8&gt;&gt;</c>.</summary>
    public static void Lower(RecordWriter record, ReadOnlyMemory<byte>? value)
    {
        record.U8(value is null ? (byte)0 : (byte)1);
        if (value is { } bytes) record.Bytes(bytes.Span);
    }

    /// <summary>Lowers the record <c>key-page</c>.</summary>
    public static void Lower(RecordWriter record, HostCallResult.MemoryKeys page) =>
        record.List(page.Keys, TextBytes, static (r, key) => r.Text(key)).OptionalText(page.Cursor);

    private static WorldFunction Of(string name, string parameters, MemoryOperation operation) => new(
        AgentWorld.Interface("memory"),
        name,
        Signature.Of(parameters + "i"),
        MayBlock: true,
        (session, arguments, _) =>
        {
            var lift = session.Lift();
            var flat = new FlatReader(arguments);
            var bucket = lift.Text(flat.U32(), flat.U32());
            string key = "";
            string? cursor = null;
            if (operation == MemoryOperation.ListKeys)
            {
                var hasCursor = flat.IsSome();
                var (address, length) = (flat.U32(), flat.U32());
                cursor = hasCursor ? lift.Text(address, length) : null;
            }
            else
            {
                key = lift.Text(flat.U32(), flat.U32());
            }

            var value = operation == MemoryOperation.Set ? lift.Bytes(flat.U32(), flat.U32()) : [];
            return session.Block(new HostCall.Memory(operation, bucket, key, value, cursor), flat.U32());
        });
}
