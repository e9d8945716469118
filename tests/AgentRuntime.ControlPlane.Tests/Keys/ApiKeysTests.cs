using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.TestKit;

namespace AgentRuntime.ControlPlane.Tests;

public sealed class ApiKeysTests
{
    private static readonly TenantId Tenant = TenantId.New(TimeProvider.System);
    private static readonly ProjectId Project = ProjectId.New(TimeProvider.System);

    [Fact]
    public void A_key_is_one_word_with_a_prefix_its_id_a_secret_and_a_checksum()
    {
        var key = ApiKeys.Issue(Tenant, Project, new ManualTime());
        Assert.Matches("^ar_live_[0-9A-Za-z]{60}$", key.Credential);
        Assert.True(ApiKeys.TryReadId(key.Credential, out var id));
        Assert.Equal(key.Record.Id, id);
        Assert.True(ApiKeys.Matches(key.Record, key.Credential));
    }

    [Fact]
    public void Two_keys_of_the_same_instant_share_nothing_but_the_form()
    {
        var time = new ManualTime();
        var (a, b) = (ApiKeys.Issue(Tenant, Project, time), ApiKeys.Issue(Tenant, Project, time));
        Assert.NotEqual(a.Credential[30..62], b.Credential[30..62]);
        Assert.NotEqual(a.Record.Id, b.Record.Id);
        Assert.False(ApiKeys.Matches(a.Record, b.Credential));
    }

    [Fact]
    public void Every_single_mistyped_character_is_noticed_without_a_look_up()
    {
        var key = ApiKeys.Issue(Tenant, Project, new ManualTime()).Credential;
        for (var i = 0; i < key.Length; i++)
            foreach (var wrong in "aZ9_é")
                if (key[i] != wrong)
                    Assert.False(ApiKeys.TryReadId($"{key[..i]}{wrong}{key[(i + 1)..]}", out _), $"{i} {wrong}");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("ar_live_")]
    [InlineData("Bearer x")]
    [InlineData("ar_live_zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz")]
    public void What_is_no_key_is_no_key(string? text) => Assert.False(ApiKeys.TryReadId(text, out _));

    [Fact]
    public void The_secret_is_neither_stored_nor_printed()
    {
        var key = ApiKeys.Issue(Tenant, Project, new ManualTime());
        Assert.DoesNotContain(key.Credential[30..], key.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(
            key.Credential[30..], Encoding.Latin1.GetString(key.Record.SecretHash.Span), StringComparison.Ordinal);
        Assert.Equal(32, key.Record.SecretHash.Length);
    }

    [Fact]
    public void The_checksum_is_the_crc_of_zip() =>
        Assert.Equal(0xCBF4_3926u, Crc32.Of("123456789"u8));
}
