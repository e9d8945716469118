using AgentRuntime.Abstractions;
using AgentRuntime.Policies.Yaml;

namespace AgentRuntime.Policies;

/// <summary>
/// Collects everything that is wrong with a bundle, so that its author sees it all at once; at most
/// <see cref="Limit"/>, then one line that says so. Not thread-safe; one owner per validation.
/// </summary>
internal sealed class Problems
{
    public const int Limit = 200;

    /// <summary>
    /// Known names that suggestions compare with, over a whole validation: a short file can name thousands of things
    /// that are not there, beside a thousand that are.
    /// </summary>
    public const int MaxCompared = 20_000;

    /// <summary>
    /// YAML nodes of a whole bundle with every alias counted in full: what is read of a node can be as much again.
    /// </summary>
    public const int MaxNodes = 1_000_000;

    /// <summary>Characters of a whole bundle's YAML with every alias counted in full.</summary>
    public const int MaxCharacters = 4 * BundleFiles.MaxTotalBytes;

    private readonly List<(BundlePosition At, RuntimeError Error)> _errors = [];
    private int _compared;
    private long _nodes;
    private long _characters;
    private int _more;

    public bool Any => _errors.Count > 0;

    /// <summary>What comes now is only counted, so nothing more needs to be found.</summary>
    public bool AreTooMany => _errors.Count == Limit;

    /// <summary>The bundle is too large to be looked at, and has no digest.</summary>
    public bool Unreadable { get; set; }

    public int Count => _errors.Count + _more;

    public void Add(BundlePosition at, string message, string? suggestion = null)
    {
        if (_errors.Count == Limit)
            _more++;
        else
            _errors.Add((at, new(ReasonCodes.InvalidBundle, message, at.ToString(), suggestion)));
    }

    /// <summary>
    /// A suggestion for a name that is not known (see <see cref="NearestName"/>); null when there is none, nobody would
    /// see it, or too many have been looked for.
    /// </summary>
    public string? Suggest(string name, IEnumerable<string> known)
    {
        if (AreTooMany || _compared >= MaxCompared)
            return null;
        var names = known.Take(MaxCompared - _compared).ToList();
        _compared += names.Count;
        return NearestName.Suggest(name, names);
    }

    /// <summary>
    /// Whether a file's YAML may be read beside what was read before; false, and it counts for nothing, when that
    /// comes to more than <see cref="MaxNodes"/> or <see cref="MaxCharacters"/>.
    /// </summary>
    public bool TryExpand(YamlNode root)
    {
        if (_nodes + root.Weight > MaxNodes || _characters + root.Characters > MaxCharacters)
            return false;
        _nodes += root.Weight;
        _characters += root.Characters;
        return true;
    }

    /// <summary>Something is wrong in one of these files or folders.</summary>
    public bool AnyIn(params ReadOnlySpan<string> places)
    {
        foreach (var (at, _) in _errors)
        {
            foreach (var place in places)
            {
                if (at.File is null || at.File.StartsWith(place, StringComparison.Ordinal))
                    return true;
            }
        }

        return false;
    }

    /// <summary>By file and line.</summary>
    public IReadOnlyList<RuntimeError> ToList()
    {
        var sorted = _errors
            .OrderBy(e => e.At.File, StringComparer.Ordinal)
            .ThenBy(e => e.At.Line)
            .ThenBy(e => e.At.Column)
            .Select(e => e.Error)
            .ToList();
        if (_more > 0)
            sorted.Add(new(ReasonCodes.InvalidBundle, $"{_more} more problems are not shown"));
        return sorted;
    }
}
