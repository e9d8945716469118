using System.Net;

namespace AgentRuntime.Abstractions.Tests;

public sealed class EgressRulesTests
{
    [Theory]
    [InlineData("api.example.com", "https://API.example.com/mcp", true)]
    [InlineData("api.example.com", "https://api.example.com:8443/mcp", true)]
    [InlineData("api.example.com", "https://api.example.com.evil.org/", false)]
    [InlineData("api.example.com", "https://xapi.example.com/", false)]
    [InlineData("api.example.com:443", "https://api.example.com/", true)]
    [InlineData("api.example.com:443", "http://api.example.com/", false)]
    [InlineData("*.example.com", "https://a.b.example.com/", true)]
    [InlineData("*.example.com", "https://example.com/", false)]
    [InlineData("*.example.com", "https://badexample.com/", false)]
    [InlineData("10.0.0.0/8", "http://10.1.2.3:80/", true)]
    [InlineData("10.0.0.0/8", "http://11.1.2.3/", false)]
    [InlineData("10.0.0.0/8", "http://api.example.com/", false)]
    [InlineData("10.0.0.0/8", "http://[::ffff:10.1.2.3]/", true)]
    [InlineData("127.0.0.1:8791", "http://127.0.0.1:8791/mcp", true)]
    [InlineData("[::1]:8791", "http://[::1]:8791/mcp", true)]
    [InlineData("::1", "http://[::1]:1/mcp", true)]
    [InlineData("bücher.example", "https://xn--bcher-kva.example/", false)]
    public void An_address_is_permitted_when_an_entry_names_it(string entry, string address, bool permitted) =>
        Assert.Equal(permitted, EgressRules.Parse([entry]).Permits(new Uri(address)));

    [Fact]
    public void No_entries_close_everything() =>
        Assert.False(EgressRules.Parse([]).Permits(new Uri("http://127.0.0.1/")));

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("https://api.example.com")]
    [InlineData("api.example.com:0")]
    [InlineData("api.example.com:70000")]
    [InlineData("10.0.0.0/33")]
    [InlineData("*.10.0.0.1")]
    [InlineData("*")]
    public void Anything_else_is_no_entry(string entry) =>
        Assert.Throws<FormatException>(() => EgressRules.Parse([entry]));

    [Theory]
    [InlineData("169.254.169.254", false)]
    [InlineData("::ffff:169.254.169.254", false)]
    [InlineData("fe80::1", false)]
    [InlineData("64:ff9b::169.254.169.254", false)]
    [InlineData("2002:a9fe:a9fe::1", false)]
    [InlineData("64:ff9b:1::169.254.169.254", false)]
    [InlineData("64:ff9b:1::10.1.2.3", true)]
    [InlineData("::169.254.169.254", false)]
    [InlineData("::1", true)]
    [InlineData("64:ff9b::10.1.2.3", true)]
    [InlineData("fd00:ec2::254", false)]
    [InlineData("fd20:ce::254", false)]
    [InlineData("100.100.100.200", false)]
    [InlineData("::ffff:100.100.100.200", false)]
    [InlineData("64:ff9b::100.100.100.200", false)]
    [InlineData("100.100.100.201", true)]
    [InlineData("2002:0a01:0203::1", true)]
    [InlineData("10.1.2.3", true)]
    public void What_a_name_resolves_to_is_never_link_local(string address, bool permitted) =>
        Assert.Equal(permitted, EgressRules.Parse(["api.example.com"]).Permits(IPAddress.Parse(address)));

    [Theory]
    [InlineData("10.1.2.3", true)]
    [InlineData("192.168.0.1", false)]
    public void Where_ranges_are_given_a_name_must_resolve_into_one(string address, bool permitted) =>
        Assert.Equal(
            permitted, EgressRules.Parse(["api.example.com", "10.0.0.0/8"]).Permits(IPAddress.Parse(address)));

    [Fact]
    public void Rules_are_equal_when_their_entries_are() =>
        Assert.Equal(EgressRules.Parse(["b", "a", "b"]), EgressRules.Parse(["a", "b"]));
}
