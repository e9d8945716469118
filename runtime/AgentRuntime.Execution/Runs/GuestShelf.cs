using System.Collections.Concurrent;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution;

/// <summary>
/// Guests that wait, as bytes: in files that only the platform's user can read, or in memory where there is no folder.
/// Bounded. Thread-safe.
/// </summary>
internal sealed class GuestShelf
{
    /// <summary>Guests that become bytes, or guests again, at once.</summary>
    public const int AtOnce = 4;

    private readonly ConcurrentDictionary<RunId, byte[]> _inMemory = [];
    private readonly SemaphoreSlim _turns = new(AtOnce, AtOnce);
    private readonly string? _folder;
    private readonly int _capacity;
    private int _kept;

    public GuestShelf(int capacity, string? folder)
    {
        (_capacity, _folder) = (capacity, folder);
        if (folder is not null) Directory.CreateDirectory(folder);
    }

    /// <summary>Guests that are put away now.</summary>
    public int Count => Volatile.Read(ref _kept);

    /// <summary>
    /// Removes what an earlier process left: the journal is the truth, and a run that it left is replayed. Before
    /// anything is put away, and by whoever has the folder alone.
    /// </summary>
    public void Clear()
    {
        if (_folder is null) return;
        foreach (var left in Directory.EnumerateFiles(_folder, "*.guest")) File.Delete(left);
    }

    /// <summary>
    /// Waits for one's turn to turn a guest into bytes or back, which takes its memory once more meanwhile; all guests
    /// that began to wait together would do so together. Dispose it when done.
    /// </summary>
    public async Task<Turn> TurnAsync(CancellationToken cancellationToken)
    {
        await _turns.WaitAsync(cancellationToken).ConfigureAwait(false);
        return new Turn(_turns);
    }

    /// <summary>Keeps a guest; false when there is no room, or no writing.</summary>
    public async Task<bool> TryPutAsync(RunId run, ReadOnlyMemory<byte> guest, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _kept) > _capacity)
        {
            Interlocked.Decrement(ref _kept);
            return false;
        }

        if (_folder is null)
        {
            _inMemory[run] = guest.ToArray();
            return true;
        }

        try
        {
            var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            var file = new FileStream(PathOf(run), options);
            await using (file.ConfigureAwait(false))
                await file.WriteAsync(guest, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OperationCanceledException)
        {
            Drop(run);
            return false;
        }
    }

    /// <summary>Takes a guest back; its bytes are kept no longer.</summary>
    /// <exception cref="RuntimeErrorException">AR3015: they are gone.</exception>
    public async Task<byte[]> TakeAsync(RunId run, CancellationToken cancellationToken)
    {
        try
        {
            var guest = _folder is null
                ? _inMemory[run]
                : await File.ReadAllBytesAsync(PathOf(run), cancellationToken).ConfigureAwait(false);
            Drop(run);
            return guest;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or KeyNotFoundException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(ReasonCodes.InvalidSnapshot, "The waiting guest cannot be read back."), e);
        }
    }

    /// <summary>Forgets a guest that is put away.</summary>
    public void Drop(RunId run)
    {
        Interlocked.Decrement(ref _kept);
        _inMemory.TryRemove(run, out _);
        if (_folder is null) return;
        try
        {
            File.Delete(PathOf(run));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next process removes it.
        }
    }

    /// <summary>A turn that is over when it is disposed.</summary>
    internal readonly struct Turn(SemaphoreSlim turns) : IDisposable
    {
        public void Dispose() => turns.Release();
    }

    private string PathOf(RunId run) => Path.Combine(_folder!, $"{run}.guest");
}
