using System.Diagnostics;
using System.Text;
using System.Text.Json;
using AgentRuntime.Gateway.Tokens;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Gateway.Tests.Tokens;

/// <summary>Tokens beside those that others read: Hugging Face's, OpenAI's and Google's own tokenizers.</summary>
public sealed class TokenizerOracleTests(ITestOutputHelper output) : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Theory]
    [InlineData("r50k_base")]
    [InlineData("cl100k_base")]
    [InlineData("o200k_base")]
    public async Task Real_byte_level_vocabularies_are_read_as_others_read_them(string name)
    {
        var peers = Path.Combine(Repository.Root, "tests", "peers");
        if (!Directory.Exists(Path.Combine(peers, "node_modules", "gpt-tokenizer")))
        {
            output.WriteLine("SKIPPED: tests/peers/node_modules is absent; run npm ci in tests/peers");
            return;
        }

        var start = new ProcessStartInfo("node", ["tokenizers/tokenizers.mjs", name, _file])
        {
            WorkingDirectory = peers, RedirectStandardOutput = true, UseShellExecute = false,
        };
        var lines = await LinesAsync(Process.Start(start)!);
        var tokenizer = HuggingFaceTokenizer.Read(await File.ReadAllBytesAsync(_file));
        Assert.True(lines.Count >= 1000);
        foreach (var line in lines)
        {
            var text = line.GetProperty("text").GetString()!;
            var tokens = tokenizer.Encode(text, addSpecial: false);
            Assert.Equal(Numbers(line.GetProperty("hf")), tokens);
            if (line.GetProperty("tiktoken").ValueKind == JsonValueKind.Array)
                Assert.Equal(Numbers(line.GetProperty("tiktoken")), tokens);
            Assert.Equal(text, TextOf(tokenizer, tokens));
        }
    }

    [Fact]
    public async Task A_vocabulary_with_byte_fallback_is_read_as_SentencePiece_reads_it()
    {
        if (!Python.Has("sentencepiece"))
        {
            output.WriteLine("SKIPPED: python3-sentencepiece is not installed");
            return;
        }

        var lines = await LinesAsync(Python.Start(PeerScript("sentencepiece_bpe.py"), [_file]));
        var tokenizer = HuggingFaceTokenizer.Read(await File.ReadAllBytesAsync(_file));
        Assert.True(lines.Count > 400);
        foreach (var line in lines)
        {
            var text = line.GetProperty("text").GetString()!;
            var tokens = tokenizer.Encode(text, addSpecial: true);
            Assert.Equal(Numbers(line.GetProperty("tokens")), tokens);
            // Behind a prompt, the space that begins a word stays.
            Assert.Equal(" " + text, TextOf(tokenizer, tokens.Skip(1)));
        }
    }

    [Fact]
    public async Task Canonical_forms_are_those_of_unicodedata()
    {
        if (!Python.Has("unicodedata"))
        {
            output.WriteLine("SKIPPED: Debian's python3 is not installed");
            return;
        }

        var lines = await LinesAsync(Python.Start(PeerScript("normalize.py"), []));
        Assert.True(lines.Count > 20_000);
        foreach (var line in lines)
        {
            var text = line.GetProperty("text").GetString()!;
            Assert.Equal(line.GetProperty("nfc").GetString(), CanonicalForm.Compose(text));
            Assert.Equal(line.GetProperty("nfd").GetString(), CanonicalForm.Decompose(text));
        }
    }

    private static string PeerScript(string name) =>
        Path.Combine(Repository.Root, "tests", "peers", "tokenizers", name);

    private static string TextOf(HuggingFaceTokenizer tokenizer, IEnumerable<int> tokens) =>
        Encoding.UTF8.GetString([.. tokens.SelectMany(t => tokenizer.BytesOf(t).ToArray())]);

    private static IEnumerable<int> Numbers(JsonElement array) => array.EnumerateArray().Select(n => n.GetInt32());

    private static async Task<List<JsonElement>> LinesAsync(Process process)
    {
        using (process)
        {
            var text = await process.StandardOutput.ReadToEndAsync();
            await process.WaitForExitAsync();
            return [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(l => JsonDocument.Parse(l).RootElement)];
        }
    }
}
