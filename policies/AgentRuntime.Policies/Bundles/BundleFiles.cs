using System.Security.Cryptography;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Policies;

/// <summary>
/// The files of a bundle sorted into what they are. A file that is none of them is a problem and not ignored: a
/// <c>forbid</c> in a folder with a typing error in its name would otherwise forbid nothing. Immutable.
/// </summary>
internal sealed class BundleFiles
{
    public const int MaxFiles = WireBounds.BundleFiles;
    public const int MaxFileBytes = WireBounds.BundleFileBytes;
    public const int MaxTotalBytes = WireBounds.BundleBytes;
    public const string Main = "bundle.yaml";

    private static readonly string[] Places =
        [Main, "agents.yaml", "agents/*.yaml", "policies/*.cedar", "tools/*.json", "tests/*.yaml", "*.md"];

    private readonly IReadOnlyDictionary<string, string> _files;

    private BundleFiles(IReadOnlyDictionary<string, string> files) => _files = files;

    /// <summary>The text of <c>bundle.yaml</c>; null when there is none.</summary>
    public string? MainText => _files.GetValueOrDefault(Main) is { } text ? WithoutMark(text) : null;

    public IEnumerable<KeyValuePair<string, string>> Agents =>
        Sorted(path => path == "agents.yaml" || Within(path, "agents/", ".yaml"));

    public IEnumerable<KeyValuePair<string, string>> Policies => Sorted(path => Within(path, "policies/", ".cedar"));

    public IEnumerable<KeyValuePair<string, string>> Tools => Sorted(path => Within(path, "tools/", ".json"));

    public IEnumerable<KeyValuePair<string, string>> Tests => Sorted(path => Within(path, "tests/", ".yaml"));

    /// <summary>Checks paths and sizes. Null when there is too much to look at all.</summary>
    public static BundleFiles? Check(IReadOnlyDictionary<string, string> files, Problems problems)
    {
        if (files.Count > MaxFiles)
        {
            problems.Add(default, $"the bundle has {files.Count} files", $"at most {MaxFiles} are read");
            problems.Unreadable = true;
            return null;
        }

        long total = 0;
        foreach (var (path, text) in files)
        {
            var bytes = Encoding.UTF8.GetByteCount(text);
            total += bytes;
            if (bytes > MaxFileBytes)
                problems.Add(new(path, 0, 0), $"the file has {bytes} bytes", $"at most {MaxFileBytes} are read");
            else if (!IsKnown(path))
                problems.Add(
                    new(path, 0, 0), "the file has no place in a bundle", $"a bundle has {string.Join(", ", Places)}");
        }

        if (total > MaxTotalBytes)
            problems.Add(default, $"the bundle has {total} bytes", $"at most {MaxTotalBytes} are read");
        if (!files.ContainsKey(Main))
            problems.Add(new(Main, 0, 0), "the file is missing", "every bundle has one; it needs 'name' at least");
        problems.Unreadable = total > MaxTotalBytes
            || files.Values.Any(t => Encoding.UTF8.GetByteCount(t) > MaxFileBytes);
        return problems.Unreadable ? null : new(files);
    }

    /// <summary>
    /// The content address: the SHA-256 of one line for each file, ordered by path (ordinal), of the file's own
    /// SHA-256, two spaces and the path: what <c>sha256sum</c> prints, so that anybody can check it.
    /// </summary>
    public static BundleDigest Digest(IReadOnlyDictionary<string, string> files)
    {
        var listing = new StringBuilder();
        foreach (var (path, text) in files.OrderBy(f => f.Key, StringComparer.Ordinal))
        {
            listing.Append(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text))))
                .Append("  ").Append(path).Append('\n');
        }

        return BundleDigest.Of(Encoding.UTF8.GetBytes(listing.ToString()));
    }

    private static bool IsKnown(string path) =>
        path is Main or "agents.yaml"
        || Within(path, "agents/", ".yaml")
        || Within(path, "policies/", ".cedar")
        || Within(path, "tools/", ".json")
        || Within(path, "tests/", ".yaml")
        || (path.EndsWith(".md", StringComparison.Ordinal) && path.Split('/').All(IsPlainSegment));

    private static bool Within(string path, string folder, string extension) =>
        path.StartsWith(folder, StringComparison.Ordinal)
        && path.EndsWith(extension, StringComparison.Ordinal)
        && path.Length > folder.Length + extension.Length
        && IsPlainSegment(path[folder.Length..]);

    private static bool IsPlainSegment(string segment) =>
        segment is { Length: > 0 and <= 128 } && segment[0] != '.'
        && segment.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.');

    private IEnumerable<KeyValuePair<string, string>> Sorted(Func<string, bool> choose) =>
        _files.Where(f => choose(f.Key))
            .OrderBy(f => f.Key, StringComparer.Ordinal)
            .Select(f => KeyValuePair.Create(f.Key, WithoutMark(f.Value)));

    // Some editors put a byte order mark first. It is no part of what the file says, and is of what its digest is of.
    private static string WithoutMark(string text) => text.StartsWith('\ufeff') ? text[1..] : text;
}
