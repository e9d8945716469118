namespace AgentRuntime.Gateway.Routing.Tests;

public class BlockHasherTests
{
    private static readonly int[] Prompt = [.. Enumerable.Range(1, 64)];
    private readonly BlockHasher _hasher = new(seed: 7);

    [Fact]
    public void Equal_prefixes_have_equal_keys_and_what_follows_a_difference_has_not()
    {
        var other = (int[])Prompt.Clone();
        other[20] = 999;

        var a = Keys(Prompt, BlockScope.Create("s"));
        var b = Keys(other, BlockScope.Create("s"));

        Assert.Equal(4, a.Length);
        Assert.Equal(a[0], b[0]);
        Assert.NotEqual(a[1], b[1]);
        Assert.NotEqual(a[3], b[3]);
    }

    [Fact]
    public void Another_salt_changes_every_key_because_the_chain_carries_it()
    {
        var a = Keys(Prompt, BlockScope.Create("tenant-a"));
        var b = Keys(Prompt, BlockScope.Create("tenant-b"));

        Assert.Empty(a.Intersect(b));
    }

    [Fact]
    public void The_salt_counts_in_block_0_only_and_the_adapter_in_every_block()
    {
        var parent = Keys(Prompt, BlockScope.Create("s"))[0];
        ReadOnlySpan<int> block = Prompt.AsSpan(16, 16);

        Assert.Equal(
            _hasher.Next(parent, block, BlockScope.Create("s")), _hasher.Next(parent, block, BlockScope.Create("t")));
        Assert.NotEqual(
            _hasher.Next(parent, block, BlockScope.Create("s")),
            _hasher.Next(parent, block, BlockScope.Create("s", "adapter")));
    }

    [Fact]
    public void A_block_that_is_not_full_has_no_key()
    {
        var keys = new BlockKey[8];

        Assert.Equal(3, _hasher.HashTokens(Prompt.AsSpan(0, 63), 16, BlockScope.Create(""), keys));
    }

    [Fact]
    public void Another_seed_gives_other_keys()
    {
        var keys = new BlockKey[4];
        new BlockHasher(seed: 8).HashTokens(Prompt, 16, BlockScope.Create("s"), keys);

        Assert.Empty(keys.Intersect(Keys(Prompt, BlockScope.Create("s"))));
    }

    private BlockKey[] Keys(int[] prompt, BlockScope scope)
    {
        var keys = new BlockKey[BlockHasher.BlockCount(prompt.Length, 16)];
        _hasher.HashTokens(prompt, 16, scope, keys);
        return keys;
    }
}
