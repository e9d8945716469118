using System.Text;

namespace AgentRuntime.Gateway.Tests;

public sealed class SseReaderTests
{
    private const int Bound = 4096;

    [Fact]
    public async Task Events_are_the_same_however_the_bytes_are_cut()
    {
        const string text = ": hello\n\ndata: {\"a\":1}\n\nevent: x\nid: 3\ndata:two\r\ndata: lines\r\n\r\n\n"
            + "data:\n\ndata: [DONE]\n\ndata: cut off\n";
        string[] expected = ["{\"a\":1}", "two\nlines", "", "[DONE]"];
        for (var piece = 1; piece <= text.Length; piece++)
            Assert.Equal(expected, await ReadAllAsync(text, piece));
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\r")]
    public async Task Lines_end_as_the_standard_lets_them(string end)
    {
        string[] lines =
            ["\ufeffdata:one", "", "data: two", "data:  lines", "", ": data: no", "", "data", "data:3", ""];
        var text = string.Concat(lines.Select(line => line + end));
        for (var piece = 1; piece <= text.Length; piece++)
            Assert.Equal(["one", "two\n lines", "\n3"], await ReadAllAsync(text, piece));
    }

    [Fact]
    public async Task An_event_whose_lines_end_with_returns_does_not_wait_for_the_next()
    {
        var reader = new SseReader(new MemoryStream("data: one\r\r"u8.ToArray()), Bound);
        Assert.True(await reader.ReadAsync(CancellationToken.None));
        Assert.True(reader.TryNext(out var data));
        Assert.Equal("one"u8, data.Span);
    }

    [Fact]
    public async Task An_event_stays_what_it_was_while_others_are_read()
    {
        var text = string.Concat(Enumerable.Range(0, 5_000).Select(i => $"data: {i}\n\n"));
        var reader = new SseReader(new Pieces(text, 700), Bound);
        var kept = new List<ReadOnlyMemory<byte>>();
        do
        {
            while (reader.TryNext(out var data))
                kept.Add(data);
        }
        while (await reader.ReadAsync(CancellationToken.None));

        Assert.Equal(
            Enumerable.Range(0, 5_000).Select(i => $"{i}"), kept.Select(k => Encoding.UTF8.GetString(k.Span)));
    }

    [Fact]
    public async Task An_event_of_many_lines_costs_about_what_it_is_long()
    {
        const int Lines = 100_000;
        var text = string.Concat(Enumerable.Repeat("data:x\n", Lines)) + "\n";
        var reader = new SseReader(new MemoryStream(Encoding.UTF8.GetBytes(text)), 2 * Lines);
        var before = GC.GetAllocatedBytesForCurrentThread();
        ReadOnlyMemory<byte> data;
        while (!reader.TryNext(out data))
            Assert.True(await reader.ReadAsync(CancellationToken.None));

        Assert.Equal((2 * Lines) - 1, data.Length);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Lines, 0, 100);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(512)]
    public async Task An_event_that_has_no_end_is_refused(int lines)
    {
        var text = string.Concat(Enumerable.Repeat("data: " + new string('x', 2 * Bound / lines) + "\n", lines));
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAllAsync(text, 300));
        await Assert.ThrowsAsync<InvalidDataException>(() => ReadAllAsync("data: " + new string('x', 3 * Bound), 300));
    }

    [Fact]
    public async Task An_event_of_the_longest_length_passes()
    {
        var data = new string('x', Bound);
        Assert.Equal([data, "end"], await ReadAllAsync($"data:{data}\n\ndata: end\n\n", 300));
    }

    private static async Task<List<string>> ReadAllAsync(string text, int piece)
    {
        var reader = new SseReader(new Pieces(text, piece), Bound + "data:".Length);
        var events = new List<string>();
        do
        {
            while (reader.TryNext(out var data))
                events.Add(Encoding.UTF8.GetString(data.Span));
        }
        while (await reader.ReadAsync(CancellationToken.None));

        Assert.False(await reader.ReadAsync(CancellationToken.None));
        return events;
    }

    /// <summary>A body that comes a few bytes at a time.</summary>
    private sealed class Pieces(string text, int size) : MemoryStream(Encoding.UTF8.GetBytes(text))
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
