using System.IO.Compression;

namespace AgentRuntime.Gateway.Tests.Grpc;

/// <summary>Archives that unpack to much more than they are.</summary>
public class ModelArchiveTests
{
    [Fact]
    public async Task What_unpacks_to_more_than_any_tokenizer_has_is_refused()
    {
        using var archive = new MemoryStream();
        await using (var zip = new ZipArchive(archive, ZipArchiveMode.Create, leaveOpen: true))
        {
            await using var entry = await zip.CreateEntry("tokenizer.json", CompressionLevel.Fastest).OpenAsync();
            var much = new byte[1 << 20];
            for (var i = 0; i < 65; i++)
                await entry.WriteAsync(much);
        }

        archive.Position = 0;
        Assert.True(archive.Length < 1 << 20);
        await Assert.ThrowsAsync<InvalidDataException>(() => ModelArchive.ReadAsync(archive, CancellationToken.None));
    }
}
