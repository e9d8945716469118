using AgentRuntime.Abstractions;
using Npgsql;

namespace AgentRuntime.Storage;

/// <summary>
/// Keeps a process that has lost the database, and does not know it yet, from writing: one that was paused, or cut off
/// from the server. Each claim has a number, each write to a claimed database names the number that it is made for,
/// and the server refuses one that is not the latest (a fencing token, as in Kleppmann's "How to do distributed
/// locking"). Stateless; the number is the server's.
/// </summary>
internal static class PostgresFence
{
    /// <summary>
    /// The last step of the schema that has to do with it. The function is volatile, so that it reads the number after
    /// it has the lock ("AgentFen" in ASCII, shared): a claim waits until the writes that were let through are over,
    /// and those that come later see it.
    /// </summary>
    public const string Schema =
        """
        CREATE TABLE platform_claim (number bigint NOT NULL);
        INSERT INTO platform_claim VALUES (0);
        CREATE FUNCTION platform_fence(mine bigint) RETURNS void LANGUAGE plpgsql VOLATILE AS $fence$
        DECLARE
            latest bigint;
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(4712847060138091886);
            SELECT number INTO latest FROM platform_claim;
            IF latest IS DISTINCT FROM mine THEN
                RAISE EXCEPTION 'another claim has been made' USING ERRCODE = 'AR504';
            END IF;
        END
        $fence$;
        """;

    /// <summary>What the server says of a write behind the fence.</summary>
    public const string Refused = "AR504";

    private const string Check = "SELECT platform_fence($1)";

    /// <summary>Makes a claim: no write for an older one is made from then on. In the caller's transaction.</summary>
    public static async Task<long> ClaimAsync(NpgsqlConnection db, CancellationToken cancellationToken)
    {
        await db.ExecuteAsync("SELECT pg_advisory_xact_lock(4712847060138091886)", cancellationToken)
            .ConfigureAwait(false);
        return (long)(await db.ScalarAsync(
            "UPDATE platform_claim SET number = number + 1 RETURNING number", cancellationToken)
            .ConfigureAwait(false))!;
    }

    /// <summary>The number of the latest claim.</summary>
    public static async Task<long?> NumberAsync(NpgsqlConnection db, CancellationToken cancellationToken) =>
        (long?)await db.ScalarAsync("SELECT number FROM platform_claim", cancellationToken).ConfigureAwait(false);

    /// <summary>Lets the transaction write, or fails with <see cref="Refused"/>.</summary>
    public static Task PassAsync(NpgsqlConnection db, long claim, CancellationToken cancellationToken) =>
        db.ExecuteAsync(Check, cancellationToken, claim);

    /// <summary>What lets the statements after it in a batch write.</summary>
    public static NpgsqlBatchCommand Pass(long claim) =>
        new(Check) { Parameters = { new NpgsqlParameter { Value = claim } } };

    /// <summary>What is wrong then.</summary>
    public static RuntimeError ClaimLost() => new(
        ReasonCodes.StorageFailed,
        "The claim on the PostgreSQL database is lost: another platform has claimed it.",
        "postgresql",
        "Stop the other platform, or leave the database to it.");
}
