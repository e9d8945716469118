using System.Text;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>The interface <c>memory</c> through the kit of each language: the same notebook four times.</summary>
public sealed class MemoryTests
{
    public static TheoryData<string> Languages => ["assemblyscript", "c", "rust", "javascript"];

    [Theory]
    [MemberData(nameof(Languages))]
    public async Task A_guest_of_any_language_keeps_finds_lists_and_forgets(string language)
    {
        var notes = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);

        Assert.Equal("none", await SayAsync(language, "get größe", notes));
        Assert.Equal("done", await SayAsync(language, "set größe zwölf Meter", notes));
        Assert.Equal("zwölf Meter", Encoding.UTF8.GetString(notes["größe"]));
        Assert.Equal("= zwölf Meter", await SayAsync(language, "get größe", notes));
        Assert.Equal("yes", await SayAsync(language, "exists größe", notes));
        Assert.Equal("done", await SayAsync(language, "set b ", notes));
        Assert.Empty(notes["b"]);
        Assert.Equal("= ", await SayAsync(language, "get b", notes));
        Assert.Equal("b,größe", await SayAsync(language, "list", notes));
        Assert.Equal("done", await SayAsync(language, "delete b", notes));
        Assert.Equal("no", await SayAsync(language, "exists b", notes));
    }

    [Theory]
    [MemberData(nameof(Languages))]
    public async Task A_listing_goes_on_where_the_page_before_ended(string language)
    {
        var notes = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var key in new[] { "a", "b", "c" }) notes[key] = [];

        Assert.Equal("a,b > b", await SayAsync(language, "list", notes, page: 2));
        Assert.Equal("c", await SayAsync(language, "list b", notes, page: 2));
        notes.Clear();
        Assert.Equal("", await SayAsync(language, "list", notes));
    }

    [Theory]
    [MemberData(nameof(Languages))]
    public async Task A_refusal_is_an_error_with_its_code(string language)
    {
        foreach (var input in new[] { "get a", "exists a", "list", "set a b", "delete a" })
        {
            var run = await GuestRun.RunAsync(Module(language), input, static _ =>
                GuestRun.Refuse(ReasonCodes.DefaultDeny, "not granted", "notes"));

            Assert.Equal(new SandboxStep.Failed("AR2002: not granted"), run.Last);
        }
    }

    [Fact]
    public async Task A_script_keeps_bytes_too()
    {
        const string Script = """
            function run() {
              agent.memory.set('notes', 'raw', new Uint8Array([0, 255, 128]));
              return [...agent.memory.getBytes('notes', 'raw'), agent.memory.getBytes('notes', 'none') === undefined];
            }
            """;
        var notes = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);

        var run = await GuestRun.RunAsync(
            Wasm.WithSetting(Wasm.Dist("javascript"), "script", Script), "", call => Answer(call, notes, 10));

        Assert.Equal("[0,255,128,true]", run.Output);
        Assert.Equal([0, 255, 128], notes["raw"]);
    }

    [Theory]
    [InlineData("a", "a bucket beyond the memory")]
    [InlineData("b", "a key that is not UTF-8")]
    [InlineData("c", "a result area that ends beyond the memory")]
    [InlineData("d", "a result area that is not aligned")]
    [InlineData("e", "a value that ends beyond the memory")]
    [InlineData("f", "a value of 4 GiB")]
    [InlineData("g", "an option with a case that there is not")]
    [InlineData("h", "a cursor that ends beyond the memory")]
    public async Task A_lie_traps_the_guest_before_anything_is_done(string input, string lie)
    {
        var run = await GuestRun.RunAsync(Wasm.Dist("hostile/memory-liar"), input);

        Assert.True(run.Trap.Code == ReasonCodes.GuestPointer, $"{lie}: {run.Trap}");
        Assert.Empty(run.Calls);
    }

    [Fact]
    public async Task A_value_that_is_larger_than_may_cross_is_refused()
    {
        var run = await GuestRun.RunAsync(
            Module("c"), "get a", static _ => new HostCallResult.MemoryValue(new byte[2_000]),
            new SandboxLimits { MaxStringBytes = new(1_000) });

        Assert.StartsWith("AR3012", Assert.IsType<SandboxStep.Failed>(run.Last).Error, StringComparison.Ordinal);
    }

    private static async Task<string> SayAsync(
        string language, string input, SortedDictionary<string, byte[]> notes, int page = 10) =>
        (await GuestRun.RunAsync(Module(language), input, call => Answer(call, notes, page))).Output;

    private static HostCallResult Answer(HostCall call, SortedDictionary<string, byte[]> notes, int page)
    {
        var asked = Assert.IsType<HostCall.Memory>(call);
        Assert.Equal("notes", asked.Bucket);
        switch (asked.Operation)
        {
            case MemoryOperation.Get:
                return new HostCallResult.MemoryValue(
                    notes.TryGetValue(asked.Key, out var value) ? value : default(ReadOnlyMemory<byte>?));
            case MemoryOperation.Exists:
                return new HostCallResult.MemoryFound(notes.ContainsKey(asked.Key));
            case MemoryOperation.ListKeys:
                var keys = notes.Keys.Where(k => string.CompareOrdinal(k, asked.Cursor ?? "") > 0).ToList();
                return keys.Count > page
                    ? new HostCallResult.MemoryKeys(keys[..page], keys[page - 1])
                    : new HostCallResult.MemoryKeys(keys, null);
            case MemoryOperation.Set:
                notes[asked.Key] = asked.Value.ToArray();
                return new HostCallResult.MemoryChanged();
            default:
                notes.Remove(asked.Key);
                return new HostCallResult.MemoryChanged();
        }
    }

    private static byte[] Module(string language) => language == "javascript"
        ? Wasm.WithSetting(
            Wasm.Dist("javascript"),
            "script",
            File.ReadAllText(Path.Combine(
                Repository.Root, "sandboxes", "guests", "javascript", "notes", "agent.js")))
        : Wasm.Dist($"notes-{language}");
}
