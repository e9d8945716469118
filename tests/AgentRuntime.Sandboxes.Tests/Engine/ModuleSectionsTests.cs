using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Scripted;

namespace AgentRuntime.Sandboxes.Tests.Engine;

public sealed class ModuleSectionsTests
{
    private static readonly byte[] Module = [.. ScriptedEngine.Bytes(), 5, 3, 1, 0, 3];

    [Fact]
    public void Settings_are_taken_off_and_the_rest_stays_as_it_was()
    {
        var sections = ModuleSections.Read(Wasm.WithSetting(Wasm.WithSetting(Module, "a", "1"), "b", "zwölf"));

        Assert.Equal(Module, sections.Code.ToArray());
        Assert.Equal("1", sections.Settings["a"]);
        Assert.Equal("zwölf", sections.Settings["b"]);
        Assert.Equal(3 << 16, sections.InitialMemoryBytes);
    }

    [Fact]
    public void Settings_lie_where_a_module_cannot_choose_keys_that_collide()
    {
        var sections = ModuleSections.Read(Wasm.WithSetting(Module, "a", "1"));

        // It hashes with a secret once many keys collide; the hash of a frozen one is known to all.
        Assert.IsType<Dictionary<string, string>>(sections.Settings);
    }

    [Fact]
    public void Other_custom_sections_are_none_of_ours()
    {
        var sections = ModuleSections.Read(Module);

        Assert.Empty(sections.Settings);
        Assert.Equal(Module, sections.Code.ToArray());
    }

    [Fact]
    public void Whatever_the_bytes_are_reading_them_never_fails()
    {
        var random = new Random(20261120);
        var whole = Wasm.WithSetting(Module, "key", "value");
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = whole[..random.Next(whole.Length + 1)];
            for (var changes = random.Next(4); changes > 0 && bytes.Length > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            var sections = ModuleSections.Read(bytes);

            Assert.True(sections.Code.Length <= bytes.Length);
        }
    }
}
