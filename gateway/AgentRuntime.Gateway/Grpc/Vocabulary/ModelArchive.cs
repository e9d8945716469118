using System.IO.Compression;

namespace AgentRuntime.Gateway;

/// <summary>
/// The files of a <c>GetTokenizer</c> archive that are of use (lightseekorg/smg: grpc_servicer/tokenizer_bundle.py
/// names all that are sent). What an archive says of its sizes is not believed. Immutable.
/// </summary>
internal sealed class ModelArchive
{
    private const int MostEntries = 64;

    // Twice the largest tokenizer.json in use (Gemma 3's 33 MB). JSON takes many times its bytes while it is read.
    private const long MostBytes = 64 << 20;

    private static readonly HashSet<string> Wanted = new(StringComparer.Ordinal)
    {
        "tokenizer.gguf", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
        "chat_template.json",
    };

    private readonly Dictionary<string, byte[]> _files;

    private ModelArchive(Dictionary<string, byte[]> files) => _files = files;

    /// <summary>A file's content; null when it is not there.</summary>
    public byte[]? this[string name] => _files.GetValueOrDefault(name);

    /// <exception cref="InvalidDataException">It is no archive, or too large.</exception>
    public static async Task<ModelArchive> ReadAsync(Stream archive, CancellationToken cancellationToken)
    {
        using var zip = new ZipArchive(archive, ZipArchiveMode.Read, leaveOpen: true);
        if (zip.Entries.Count > MostEntries)
            throw new InvalidDataException($"it has more than {MostEntries} files");
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var left = MostBytes;
        foreach (var entry in zip.Entries.Where(e => Wanted.Contains(e.FullName)))
        {
            using var content = new MemoryStream();
            await using var source = await entry.OpenAsync(cancellationToken);
            var buffer = new byte[64 << 10];
            while (await source.ReadAsync(buffer, cancellationToken) is var count and > 0)
            {
                if ((left -= count) < 0)
                    throw new InvalidDataException("it is too large unpacked");
                content.Write(buffer, 0, count);
            }

            if (!files.TryAdd(entry.FullName, content.ToArray()))
                throw new InvalidDataException($"it has {entry.FullName} twice");
        }

        return new(files);
    }
}
