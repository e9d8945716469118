namespace AgentRuntime.Abstractions;

/// <summary>
/// Reads files that somebody named: any may be a device that never ends, or by mistake one of gigabytes. Stateless.
/// </summary>
public static class BoundedFile
{
    private const int PieceBytes = 64 << 10;

    /// <summary>The whole of a file.</summary>
    /// <param name="path">The file; a pipe is read to its end.</param>
    /// <param name="mostBytes">What it may have.</param>
    /// <exception cref="IOException">It cannot be read, or has more.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read, or is a folder.</exception>
    public static byte[] Read(string path, long mostBytes)
    {
        using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        using var content = new MemoryStream();
        var piece = new byte[PieceBytes];
        // Counted as it comes: devices and pipes say that they have no length.
        while (file.Read(piece) is > 0 and var count)
        {
            if (content.Length + count > mostBytes) throw new IOException($"it has more than {mostBytes} bytes");
            content.Write(piece, 0, count);
        }

        return content.ToArray();
    }
}
