using System.Text;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Storage;

/// <summary>
/// Short forms of ADO.NET for parameterized statements and for the column types that the schema uses.
/// </summary>
internal static class SqliteCommands
{
    public static int Execute(
        this SqliteConnection connection, string sql, params ReadOnlySpan<(string, object?)> values)
    {
        using var command = connection.Prepare(sql, values);
        return command.ExecuteNonQuery();
    }

    /// <summary>Runs one statement once for each row of values; it is parsed once for all.</summary>
    public static void ExecuteEach(
        this SqliteConnection connection,
        string sql,
        ReadOnlySpan<string> names,
        IEnumerable<object?[]> rows)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var name in names)
            command.Parameters.Add(new SqliteParameter(name, DBNull.Value));
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
                command.Parameters[i].Value = row[i] ?? DBNull.Value;
            command.ExecuteNonQuery();
        }
    }

    public static object? Scalar(
        this SqliteConnection connection, string sql, params ReadOnlySpan<(string, object?)> values)
    {
        using var command = connection.Prepare(sql, values);
        return command.ExecuteScalar() is { } value and not DBNull ? value : null;
    }

    public static T? First<T>(
        this SqliteConnection connection,
        string sql,
        Func<SqliteDataReader, T> map,
        params ReadOnlySpan<(string, object?)> values)
        where T : class
    {
        using var command = connection.Prepare(sql, values);
        using var reader = command.ExecuteReader();
        return reader.Read() ? map(reader) : null;
    }

    public static IReadOnlyList<T> All<T>(
        this SqliteConnection connection,
        string sql,
        Func<SqliteDataReader, T> map,
        params ReadOnlySpan<(string, object?)> values)
    {
        using var command = connection.Prepare(sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
            rows.Add(map(reader));
        return rows;
    }

    /// <summary>Reads row after row, as far as the caller goes.</summary>
    public static IEnumerable<T> Each<T>(
        this SqliteConnection connection,
        string sql,
        Func<SqliteDataReader, T> map,
        params (string, object?)[] values)
    {
        using var command = connection.Prepare(sql, values);
        using var reader = command.ExecuteReader();
        while (reader.Read())
            yield return map(reader);
    }

    /// <summary>
    /// A text that others wrote as bytes, for <c>CAST(… AS TEXT)</c>: a long one that is bound as text ends at its
    /// first NUL (SQLitePCLRaw, <c>sqlite3_bind_text</c>).
    /// </summary>
    public static byte[]? Bytes(string? text) => text is null ? null : Encoding.UTF8.GetBytes(text);

    public static string? Text(this SqliteDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetString(column);

    /// <summary>Times are kept as UTC ticks (100 ns), so that what is read equals what was written.</summary>
    public static DateTimeOffset Time(this SqliteDataReader reader, int column) =>
        new(reader.GetInt64(column), TimeSpan.Zero);

    public static DateTimeOffset? TimeOrNull(this SqliteDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.Time(column);

    private static SqliteCommand Prepare(
        this SqliteConnection connection, string sql, ReadOnlySpan<(string Name, object? Value)> values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values)
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        return command;
    }
}
