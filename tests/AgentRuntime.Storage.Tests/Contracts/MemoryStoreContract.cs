using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Storage.Tests;

/// <summary>What every store of tenants' memory keeps to.</summary>
public abstract class MemoryStoreContract : IAsyncLifetime
{
    private static readonly MemoryBucket Notes = new("notes") { MaxKeys = 3, MaxBytes = new(40) };
    private static readonly TenantId Acme = Given.Tenant(1);
    private readonly RunId _run = RunId.New(TimeProvider.System);
    private int _call;

    protected abstract IMemoryStore Memory { get; }

    public abstract Task InitializeAsync();

    public abstract Task DisposeAsync();

    [Fact]
    public async Task A_value_is_there_until_it_is_changed_or_deleted()
    {
        Assert.Null(await GetAsync("a"));
        await SetAsync("a", "one");
        Assert.Equal("one", await GetAsync("a"));
        await SetAsync("a", "two");
        Assert.Equal("two", await GetAsync("a"));
        await SetAsync("b", "");
        Assert.Equal("", await GetAsync("b"));
        await DeleteAsync("a");
        await DeleteAsync("a");
        Assert.Null(await GetAsync("a"));
    }

    [Fact]
    public async Task Tenants_and_buckets_share_nothing()
    {
        await SetAsync("a", "ours");
        Assert.Null(await Memory.GetAsync(Given.Tenant(2), "notes", "a", default));
        Assert.Null(await Memory.GetAsync(Acme, "other", "a", default));
        Assert.Empty(await Memory.ListKeysAsync(Given.Tenant(2), "notes", null, 10, default));
    }

    [Fact]
    public async Task Keys_come_in_the_order_of_their_bytes_a_page_at_a_time()
    {
        foreach (var key in new[] { "\u00e9", "a", "Z" }) await SetAsync(key, "1");

        Assert.Equal(["Z", "a", "\u00e9"], await Memory.ListKeysAsync(Acme, "notes", null, 10, default));
        Assert.Equal(["a"], await Memory.ListKeysAsync(Acme, "notes", "Z", 1, default));
        Assert.Empty(await Memory.ListKeysAsync(Acme, "notes", "\u00e9", 10, default));
    }

    [Fact]
    public async Task A_key_may_hold_any_character()
    {
        await SetAsync("a\0b", "1");
        Assert.Null(await GetAsync("a"));
        Assert.Equal("1", await GetAsync("a\0b"));
        Assert.Equal(["a\0b"], await Memory.ListKeysAsync(Acme, "notes", null, 10, default));
    }

    [Fact]
    public async Task A_bucket_takes_no_more_keys_and_bytes_than_it_may()
    {
        foreach (var key in new[] { "a", "b", "c" }) Assert.Equal(MemoryOutcome.Made, await SetAsync(key, "1"));
        Assert.Equal(MemoryOutcome.Full, await SetAsync("d", "1"));
        Assert.Equal(MemoryOutcome.Made, await SetAsync("c", new string('x', 35)));
        Assert.Equal(MemoryOutcome.Full, await SetAsync("c", new string('x', 36)));
        Assert.Equal(MemoryOutcome.Full, await SetAsync("b", "22"));
        Assert.Equal("1", await GetAsync("b"));
        Assert.Equal(MemoryOutcome.Made, await DeleteAsync("a"));
        Assert.Equal(MemoryOutcome.Made, await SetAsync("d", "1"));
    }

    [Fact]
    public async Task A_bucket_whose_limits_were_lowered_may_shrink_and_not_grow()
    {
        await SetAsync("a", new string('x', 20));
        var lower = Notes with { MaxBytes = new(5) };

        Assert.Equal(MemoryOutcome.Full, await SetAsync("a", new string('x', 21), lower));
        Assert.Equal(MemoryOutcome.Made, await SetAsync("a", new string('x', 10), lower));
        Assert.Equal(MemoryOutcome.Made, await SetAsync("a", "x", lower));
    }

    [Fact]
    public async Task A_call_that_was_made_is_not_made_again()
    {
        await SetAsync("a", "mine");
        var again = new MemoryChange(Acme, _run, _call, Notes, "a", "mine"u8.ToArray());
        var other = new MemoryChange(Acme, RunId.New(TimeProvider.System), 1, Notes, "a", "theirs"u8.ToArray());
        Assert.Equal(MemoryOutcome.Made, await Memory.ApplyAsync(other, default));

        Assert.Equal(MemoryOutcome.Made, await Memory.ApplyAsync(again, default));

        Assert.Equal("theirs", await GetAsync("a"));
    }

    [Fact]
    public async Task Totals_stay_true_when_many_write_at_once()
    {
        var roomy = new MemoryBucket("busy") { MaxKeys = 10, MaxBytes = new(1 << 20) };
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Memory.ApplyAsync(
            new(Acme, RunId.New(TimeProvider.System), 1, roomy, $"k{i}", new byte[] { 1 }), default).AsTask()));

        Assert.Equal(10, outcomes.Count(o => o == MemoryOutcome.Made));
        Assert.Equal(10, (await Memory.ListKeysAsync(Acme, "busy", null, 100, default)).Count);
    }

    private async Task<string?> GetAsync(string key) =>
        await Memory.GetAsync(Acme, "notes", key, default) is { } value ? Encoding.UTF8.GetString(value.Span) : null;

    private ValueTask<MemoryOutcome> SetAsync(string key, string value, MemoryBucket? bucket = null) =>
        Memory.ApplyAsync(
            new(Acme, _run, ++_call, bucket ?? Notes, key, Encoding.UTF8.GetBytes(value)), default);

    private ValueTask<MemoryOutcome> DeleteAsync(string key) =>
        Memory.ApplyAsync(new(Acme, _run, ++_call, Notes, key, null), default);
}
