using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Gateway;

/// <summary>
/// A tenant's KV salt: HMAC-SHA256 of its id under the platform's secret, so that engines and their events keep
/// tenants apart without learning who they are, and a tenant cannot make another's salt. Thread-safe.
/// </summary>
internal sealed class CacheSalt(ReadOnlyMemory<byte> secret)
{
    private const int MaxRemembered = 100_000;
    private readonly ConcurrentDictionary<TenantId, string> _salts = new();

    public string Of(TenantId tenant)
    {
        if (_salts.TryGetValue(tenant, out var salt))
            return salt;

        Span<byte> id = stackalloc byte[16];
        tenant.Value.TryWriteBytes(id, bigEndian: true, out _);
        salt = Base64Url.EncodeToString(HMACSHA256.HashData(secret.Span, id));
        if (_salts.Count < MaxRemembered)
            _salts.TryAdd(tenant, salt);
        return salt;
    }
}
