namespace AgentRuntime.Abstractions;

/// <summary>
/// Finds the files of a bundle's folder: all below it but hidden ones. A link is followed where it stays in the folder,
/// as those do through which Kubernetes mounts a ConfigMap; one that leads out of it could bring in what nobody put
/// there. Stateless.
/// </summary>
public static class BundleTree
{
    private const int MaxLinks = 40;

    private static readonly EnumerationOptions Whole =
        new() { AttributesToSkip = FileAttributes.Hidden, IgnoreInaccessible = false };

    /// <summary>
    /// The files by relative path with forward slashes, each as it really is where a link leads to it. Found as they
    /// are asked for, so that whoever has had enough need not look at the others.
    /// </summary>
    /// <exception cref="RuntimeErrorException">AR8008: a link leads out of the folder, or round in circles.</exception>
    /// <exception cref="IOException">The folder or something in it cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static IEnumerable<(string Path, FileInfo File)> Find(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var root = Resolve(Path.GetFullPath(folder));
        return Walk(new(root), "", root, [root]);
    }

    private static IEnumerable<(string Path, FileInfo File)> Walk(
        DirectoryInfo folder, string prefix, string root, IReadOnlyList<string> within)
    {
        foreach (var entry in folder.EnumerateFileSystemInfos("*", Whole))
        {
            var path = prefix + entry.Name;
            var place = entry.FullName;
            if (entry.Attributes.HasFlag(FileAttributes.ReparsePoint))
            {
                place = Resolve(place);
                if (place != root && !place.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                    throw Refuse(path, "out of the folder", root);
            }

            if (!Directory.Exists(place))
            {
                yield return (path, new FileInfo(place));
                continue;
            }

            if (within.Contains(place, StringComparer.Ordinal))
                throw Refuse(path, "round in circles", root);
            foreach (var found in Walk(new(place), path + "/", root, [.. within, place]))
                yield return found;
        }
    }

    /// <summary>The place that a path names once every link on the way is followed.</summary>
    private static string Resolve(string path)
    {
        var left = new Stack<string>();
        var place = Enter(path, left);
        var links = 0;
        while (left.TryPop(out var name))
        {
            var next = Path.GetFullPath(Path.Combine(place, name));
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                place = next;
                continue;
            }

            if (++links > MaxLinks)
                throw new IOException($"'{path}' leads through more than {MaxLinks} links");
            if (Path.IsPathRooted(target))
                place = Enter(Path.GetFullPath(target, place), left);
            else
                Push(target, left);
        }

        return place;
    }

    private static string Enter(string path, Stack<string> left)
    {
        var start = Path.GetPathRoot(path)!;
        Push(path[start.Length..], left);
        return start;
    }

    private static void Push(string path, Stack<string> left)
    {
        foreach (var name in path.Split(
            [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar],
            StringSplitOptions.RemoveEmptyEntries).Reverse())
            left.Push(name);
    }

    private static RuntimeErrorException Refuse(string path, string where, string folder) =>
        new(new(
            ReasonCodes.UnreadableFile,
            $"'{path}' is a link that leads {where}: such links are not part of a bundle",
            folder));
}
