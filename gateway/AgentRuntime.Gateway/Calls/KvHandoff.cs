using System.Security.Cryptography;

namespace AgentRuntime.Gateway;

/// <summary>
/// The KV state that a prefill leg leaves on its engine for a decode leg. It ends once: fetched, or given up. Until
/// then the prefill engine is not drained, for it is still needed. One call owns it.
/// </summary>
internal sealed class KvHandoff
{
    private readonly KvReleases _releases;
    private readonly Engine.Lease _prefill;
    private readonly Engine? _told;
    private string? _answered;
    private bool _ended;

    /// <param name="releases">Tells engines of state that is given up.</param>
    /// <param name="prefill">On the engine that has it; given back at its end.</param>
    /// <param name="told">The engine that hears of it from the other and may have fetched it ahead; null for none.
    /// </param>
    public KvHandoff(KvReleases releases, Engine.Lease prefill, Engine? told)
    {
        _releases = releases;
        _prefill = prefill;
        _told = told;
        Id = prefill.Engine.Descriptor.NamesKv ? RandomNumberGenerator.GetHexString(32, lowercase: true) : null;
    }

    /// <summary>The id that the engine is asked to have the state under; null for engines that are not.</summary>
    public string? Id { get; }

    /// <summary>The engine has named the state: otherwise than it was asked to if it is older than that.</summary>
    /// <param name="id">An id by its form; null when it named none of such a form.</param>
    public void Answered(string? id) => _answered = id;

    /// <summary>It has been fetched, or its engine has none: the engine is not needed for it any more.</summary>
    public void End()
    {
        _ended = true;
        _prefill.Dispose();
    }

    /// <summary>
    /// Nobody will fetch it, as far as it goes: the engines free it now, and not when its lease ends. Returns at once.
    /// </summary>
    public void GiveUp()
    {
        if (_ended)
            return;
        _ended = true;
        if (!_prefill.Engine.Descriptor.ReleasesKv || (_answered ?? Id) is not { } id)
        {
            _prefill.Dispose();
            return;
        }

        // An id of the engine's own choosing is none of another engine's.
        var told = id == Id ? _told?.Enter() : null;
        _releases.Begin(id, told is null ? [_prefill] : [_prefill, told]);
    }
}
