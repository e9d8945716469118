using System.Diagnostics;
using AgentRuntime.TestKit;

namespace AgentRuntime.Gateway.Tests;

public class KvEventReaderTests
{
    private static readonly int[] Tokens = [.. Enumerable.Range(100, 32)];

    [Theory]
    [InlineData("map-stored", ulong.MaxValue)]
    [InlineData("array-stored", 12UL)]
    public void A_prompts_first_blocks_are_read_with_their_salt(string file, ulong second)
    {
        var stored = Assert.IsType<KvBlocksStored>(Assert.Single(Read(file)));

        Assert.Equal([11UL, second], stored.Hashes);
        Assert.Equal(Tokens, stored.Tokens);
        Assert.Equal((null, 16, null, "tenant-salt", 0),
            (stored.Parent, stored.BlockTokens, stored.Lora, stored.Salt, stored.Foreign));
    }

    [Fact]
    public void Hashes_of_bytes_are_folded_to_their_last_eight()
    {
        var stored = Assert.IsType<KvBlocksStored>(Assert.Single(Read("map-stored-child-sha256")));

        Assert.Equal([0x18191A1B1C1D1E1FUL], stored.Hashes);
        Assert.Equal(0x38393A3B3C3D3E3FUL, stored.Parent);
        Assert.Null(stored.Salt);
    }

    [Fact]
    public void An_adapter_is_told_from_the_salt()
    {
        var stored = Assert.IsType<KvBlocksStored>(Assert.Single(Read("array-stored-lora")));

        Assert.Equal(("adapter", "tenant-salt"), (stored.Lora, stored.Salt));
    }

    [Fact]
    public void Tokens_and_hashes_of_every_width_are_read()
    {
        var stored = Assert.IsType<KvBlocksStored>(Assert.Single(Read("array-stored-wide-tokens")));

        Assert.Equal([unchecked((ulong)-5L)], stored.Hashes);
        Assert.Equal([70000, 151643], stored.Tokens[16..18]);
    }

    [Fact]
    public void Blocks_that_depend_on_an_image_are_foreign() =>
        Assert.Equal(1, Assert.IsType<KvBlocksStored>(Assert.Single(Read("map-stored-image"))).Foreign);

    [Theory]
    [InlineData("array-stored-oldest")]
    [InlineData("sglang-stored")]
    public void Events_without_extra_keys_have_no_salt(string file) =>
        Assert.Null(Assert.IsType<KvBlocksStored>(Assert.Single(Read(file))).Salt);

    [Fact]
    public void Removals_and_clearings_are_read()
    {
        Assert.Equal([5UL], Assert.IsType<KvBlocksRemoved>(Assert.Single(Read("map-type-last"))).Hashes);
        Assert.Equal(
            [11UL, 12UL, 13UL], Read("array-removed").SelectMany(e => Assert.IsType<KvBlocksRemoved>(e).Hashes));
        Assert.IsType<KvBlocksCleared>(Assert.Single(Read("map-cleared")));
        Assert.IsType<KvBlocksCleared>(Assert.Single(Read("array-cleared")));
        Assert.Empty(Read("empty"));
    }

    [Theory]
    [InlineData("map-removed-cpu")]
    [InlineData("map-stored-sliding")]
    public void What_is_not_the_gpus_whole_prefix_is_left_out(string file) => Assert.Empty(Read(file));

    [Fact]
    public void What_is_unknown_is_passed_over()
    {
        Assert.Equal(
            [typeof(KvBlocksUnreadable), typeof(KvBlocksCleared)], Read("map-unknown").Select(e => e.GetType()));
        Assert.Equal(1, Assert.IsType<KvBlocksUnreadable>(Assert.Single(Read("sglang-bigram"))).Blocks);
    }

    [Fact]
    public void Whatever_bytes_come_are_read_or_refused_and_cost_little()
    {
        var random = new Random(20261121);
        var corpus = Directory.GetFiles(Folder, "*.msgpack").Order(StringComparer.Ordinal)
            .Select(File.ReadAllBytes).ToArray();
        var refused = 0;
        var started = Stopwatch.GetTimestamp();
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 60_000; i++)
        {
            var bytes = Mutate(random, corpus[random.Next(corpus.Length)]);
            try
            {
                KvEventReader.Read(bytes);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 10_000, 59_999);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(30));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, 60_000L * 8_192);
    }

    [Theory]
    [InlineData("")]
    [InlineData("C1")]
    [InlineData("93C0DDFFFFFFFF")]
    [InlineData("93C091DFFFFFFFFF")]
    [InlineData("92C091DBFFFFFFFF41")]
    [InlineData("92C0919242C7")]
    public void Lengths_that_lie_are_refused(string hex) =>
        Assert.Throws<InvalidDataException>(() => KvEventReader.Read(Convert.FromHexString(hex)));

    [Theory]
    [InlineData("92C0", (byte)0x90)]
    [InlineData("92C09199AB426C6F636B53746F7265649101C09010C0C0C0", (byte)0xC0)]
    public void More_events_than_a_batch_has_and_keys_of_more_blocks_are_refused(string head, byte element)
    {
        const int Most = 1 << 20;
        Assert.NotEmpty(KvEventReader.Read(Batch(Most)).Events);
        Assert.Throws<InvalidDataException>(() => KvEventReader.Read(Batch(Most + 1)));

        byte[] Batch(int count) =>
        [
            .. Convert.FromHexString(head), 0xDD, (byte)(count >> 24), (byte)(count >> 16), (byte)(count >> 8),
            (byte)count, .. Enumerable.Repeat(element, count),
        ];
    }

    [Fact]
    public void Nesting_a_million_deep_does_not_overflow_the_stack()
    {
        byte[] deep = [0x92, 0xC0, 0x91, .. Enumerable.Repeat((byte)0x91, 1_000_000), 0xC0];

        Assert.Single(KvEventReader.Read(deep).Events);
    }

    private static string Folder => Path.Combine(Repository.Root, "tests", "corpus", "kv-events");

    private static IReadOnlyList<KvEvent> Read(string file) =>
        KvEventReader.Read(File.ReadAllBytes(Path.Combine(Folder, file + ".msgpack"))).Events;

    private static byte[] Mutate(Random random, byte[] source)
    {
        byte[] bytes = [.. source];
        for (var changes = random.Next(1, 5); changes > 0; changes--)
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
        return random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes;
    }
}
