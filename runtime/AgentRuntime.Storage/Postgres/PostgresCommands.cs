using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace AgentRuntime.Storage;

/// <summary>Short forms of ADO.NET for statements with positional parameters. Stateless.</summary>
internal static class PostgresCommands
{
    public static async Task<int> ExecuteAsync(
        this NpgsqlConnection db, string sql, CancellationToken cancellationToken, params object?[] values)
    {
        await using var command = Prepare(db, sql, values);
        return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    public static async Task<object?> ScalarAsync(
        this NpgsqlConnection db, string sql, CancellationToken cancellationToken, params object?[] values)
    {
        await using var command = Prepare(db, sql, values);
        var value = await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false);
        return value is DBNull ? null : value;
    }

    public static async Task<IReadOnlyList<T>> AllAsync<T>(
        this NpgsqlConnection db,
        string sql,
        Func<NpgsqlDataReader, T> map,
        CancellationToken cancellationToken,
        params object?[] values)
    {
        await using var command = Prepare(db, sql, values);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            rows.Add(map(reader));
        return rows;
    }

    public static async Task<T?> FirstAsync<T>(
        this NpgsqlConnection db,
        string sql,
        Func<NpgsqlDataReader, T> map,
        CancellationToken cancellationToken,
        params object?[] values)
        where T : class
    {
        var rows = await db.AllAsync(sql, map, cancellationToken, values).ConfigureAwait(false);
        return rows.Count == 0 ? null : rows[0];
    }

    /// <summary>Text of guests as bytes: PostgreSQL's text has no U+0000.</summary>
    public static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);

    public static string? TextOfBytes(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : Encoding.UTF8.GetString(reader.GetFieldValue<byte[]>(column));

    public static string? Text(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetString(column);

    /// <summary>Times are kept as UTC ticks (100 ns): PostgreSQL's own have microseconds.</summary>
    public static DateTimeOffset Time(this NpgsqlDataReader reader, int column) =>
        new(reader.GetInt64(column), TimeSpan.Zero);

    public static DateTimeOffset? TimeOrNull(this NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.Time(column);

    /// <summary>A statement to send with others.</summary>
    public static NpgsqlBatchCommand InBatch(string sql, object?[] values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
            command.Parameters.Add(Parameter(value));
        return command;
    }

    private static NpgsqlCommand Prepare(NpgsqlConnection db, string sql, object?[] values)
    {
        var command = db.CreateCommand();
        command.CommandText = sql;
        foreach (var value in values)
            command.Parameters.Add(Parameter(value));
        return command;
    }

    private static NpgsqlParameter Parameter(object? value) => value is null
        ? new NpgsqlParameter { Value = DBNull.Value, NpgsqlDbType = NpgsqlDbType.Unknown }
        : new NpgsqlParameter { Value = value };
}
