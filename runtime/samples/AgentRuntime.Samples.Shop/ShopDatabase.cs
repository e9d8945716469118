using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Data.Sqlite;

namespace AgentRuntime.Samples.Shop;

/// <summary>
/// The shop's data in one SQLite file. A refund with the same idempotency key is done once and answered the same
/// again. One connection, one call at a time.
/// </summary>
internal sealed class ShopDatabase : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly Lock _gate = new();

    private ShopDatabase(SqliteConnection connection) => _connection = connection;

    /// <summary>Opens a shop's file, or founds a new shop from the seed data.</summary>
    public static ShopDatabase Open(string file)
    {
        SQLitePCL.Batteries_V2.Init();
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file }.ToString());
        connection.Open();
        var shop = new ShopDatabase(connection);
        shop.Execute("""
            PRAGMA journal_mode = WAL;
            CREATE TABLE IF NOT EXISTS customers (id TEXT PRIMARY KEY, name TEXT NOT NULL, email TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS orders (
                id TEXT PRIMARY KEY, customer_id TEXT NOT NULL, item TEXT NOT NULL,
                total_cents INTEGER NOT NULL, status TEXT NOT NULL);
            CREATE TABLE IF NOT EXISTS refunds (
                id INTEGER PRIMARY KEY, order_id TEXT NOT NULL, amount_cents INTEGER NOT NULL,
                reason TEXT NOT NULL, idempotency_key TEXT UNIQUE);
            """);
        if (shop.Scalar("SELECT count(*) FROM orders") is 0L) shop.Seed();
        return shop;
    }

    public JsonObject LookupOrder(string orderId)
    {
        lock (_gate) return LookupOrderLocked(orderId);
    }

    public JsonObject Refund(string orderId, long amountCents, string reason, string? idempotencyKey)
    {
        lock (_gate)
        {
            using var transaction = _connection.BeginTransaction();
            var done = idempotencyKey is null
                ? null
                : Scalar("SELECT amount_cents FROM refunds WHERE idempotency_key = $1", idempotencyKey);
            if (done is null)
            {
                var order = LookupOrderLocked(orderId);
                var left = (long)order["total_cents"]! - (long)order["refunded_cents"]!;
                if (amountCents < 1 || amountCents > left)
                    throw new ShopException(
                        $"{amountCents} cents cannot be refunded: {left} cents of {orderId} are left");
                Execute(
                    "INSERT INTO refunds (order_id, amount_cents, reason, idempotency_key) VALUES ($1, $2, $3, $4)",
                    orderId, amountCents, reason, idempotencyKey);
            }

            transaction.Commit();
            return new JsonObject { ["order_id"] = orderId, ["refunded_cents"] = (long?)done ?? amountCents };
        }
    }

    public JsonObject DeleteCustomer(string customerId)
    {
        lock (_gate)
        {
            return Execute("DELETE FROM customers WHERE id = $1", customerId) == 1
                ? new JsonObject { ["customer_id"] = customerId, ["deleted"] = true }
                : throw new ShopException($"there is no customer {customerId}");
        }
    }

    public void Dispose() => _connection.Dispose();

    private JsonObject LookupOrderLocked(string orderId)
    {
        using var command = Command("""
            SELECT o.customer_id, c.name, o.item, o.total_cents, o.status,
                (SELECT coalesce(sum(r.amount_cents), 0) FROM refunds r WHERE r.order_id = o.id)
            FROM orders o LEFT JOIN customers c ON c.id = o.customer_id WHERE o.id = $1
            """, orderId);
        using var row = command.ExecuteReader();
        if (!row.Read()) throw new ShopException($"there is no order {orderId}");
        return new JsonObject
        {
            ["order_id"] = orderId,
            ["customer_id"] = row.GetString(0),
            ["customer"] = row.IsDBNull(1) ? null : row.GetString(1),
            ["item"] = row.GetString(2),
            ["total_cents"] = row.GetInt64(3),
            ["status"] = row.GetString(4),
            ["refunded_cents"] = row.GetInt64(5),
        };
    }

    private void Seed()
    {
        using var stream = typeof(ShopDatabase).Assembly.GetManifestResourceStream("shop-data.json")!;
        using var data = JsonDocument.Parse(stream);
        using var transaction = _connection.BeginTransaction();
        foreach (var c in data.RootElement.GetProperty("customers").EnumerateArray())
        {
            Execute(
                "INSERT INTO customers VALUES ($1, $2, $3)",
                c.GetProperty("id").GetString(), c.GetProperty("name").GetString(), c.GetProperty("email").GetString());
        }

        foreach (var o in data.RootElement.GetProperty("orders").EnumerateArray())
        {
            Execute(
                "INSERT INTO orders VALUES ($1, $2, $3, $4, $5)",
                o.GetProperty("id").GetString(),
                o.GetProperty("customer_id").GetString(),
                o.GetProperty("item").GetString(),
                o.GetProperty("total_cents").GetInt64(),
                o.GetProperty("status").GetString());
        }

        transaction.Commit();
    }

    private int Execute(string sql, params object?[] parameters)
    {
        using var command = Command(sql, parameters);
        return command.ExecuteNonQuery();
    }

    private object? Scalar(string sql, params object?[] parameters)
    {
        using var command = Command(sql, parameters);
        return command.ExecuteScalar();
    }

    private SqliteCommand Command(string sql, params object?[] parameters)
    {
        var command = _connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < parameters.Length; i++)
            command.Parameters.AddWithValue($"${i + 1}", parameters[i] ?? DBNull.Value);
        return command;
    }
}
