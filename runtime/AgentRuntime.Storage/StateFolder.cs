using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage;

/// <summary>
/// A platform's folder for its database, keys and waiting guests, taken for this process until it is disposed of or the
/// process ends, however it ends: a second platform in the same folder would execute the same runs. Thread-safe.
/// </summary>
public sealed class StateFolder : IDisposable
{
    /// <summary>Codes of a lock that somebody else has: EAGAIN of Linux and of macOS, and Windows' own.</summary>
    private static readonly int[] Locked = [11, 35, unchecked((int)0x80070020), unchecked((int)0x80070021)];

    private readonly FileStream _lock;

    private StateFolder(FileStream held) => _lock = held;

    /// <summary>Takes a folder, and makes it when it does not exist: then its owner alone may look into it.</summary>
    /// <exception cref="RuntimeErrorException">
    /// AR8002: another platform works in it, or it cannot be written.
    /// </exception>
    public static StateFolder Take(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            if (OperatingSystem.IsWindows())
                Directory.CreateDirectory(path);
            else
                Directory.CreateDirectory(
                    path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

            // The system lets go of it with the process. The file itself stays: it says nothing.
            return new StateFolder(new FileStream(
                Path.Combine(path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (Locked.Contains(e.HResult))
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.StorageFailed,
                    "Another platform works in this folder.",
                    path,
                    "Stop the other one, or give this one a folder of its own with --state."),
                e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RuntimeErrorException(
                new RuntimeError(
                    ReasonCodes.StorageFailed,
                    $"The state folder cannot be used: {e.Message}",
                    path,
                    "Check the disk's space and the folder's permissions, then try again."),
                e);
        }
    }

    /// <summary>Lets go of the folder.</summary>
    public void Dispose() => _lock.Dispose();
}
