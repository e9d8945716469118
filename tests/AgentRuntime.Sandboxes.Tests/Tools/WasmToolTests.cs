using System.Text;
using System.Text.Json;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Engine;
using AgentRuntime.Sandboxes.Tests.Guests;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.Sandboxes.Tools;
using AgentRuntime.TestKit;

namespace AgentRuntime.Sandboxes.Tests.Tools;

/// <summary>Tools that are modules, called like any tool.</summary>
public sealed class WasmToolTests
{
    private readonly Modules _modules = new();

    [Fact]
    public async Task A_module_offers_the_tool_that_it_describes()
    {
        var server = Server("bank", Wasm.Dist("iban"));

        var tool = Assert.Single(await Transport().ListAsync(server, default));

        Assert.Equal("bank/iban", tool.Name);
        Assert.Contains("ISO 13616", tool.Description, StringComparison.Ordinal);
        Assert.Equal("object", tool.InputSchema.GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_tool_in_Rust_and_one_in_JavaScript_answer()
    {
        var iban = await CallAsync(Server("bank", Wasm.Dist("iban")), "iban", """{"iban":"DE89370400440532013000"}""");
        var slug = await CallAsync(Server("text", Slug()), "slug", """{"title":"Crème Brûlée"}""");

        Assert.Equal(new ToolOutcome.Succeeded("""{"iban":"DE89370400440532013000","valid":true}"""), iban);
        Assert.Equal(new ToolOutcome.Succeeded("""{"slug":"creme-brulee"}"""), slug);
    }

    [Fact]
    public Task A_tool_in_AssemblyScript_answers() => CountsWordsAsync(Wasm.Dist("words"));

    [Fact]
    public async Task A_tool_that_fails_says_why()
    {
        var outcome = await CallAsync(Server("bank", Wasm.Dist("iban")), "iban", "{}");

        var error = Assert.IsType<ToolOutcome.Failed>(outcome).Error;
        Assert.Equal(ReasonCodes.ToolFailed, error.Code);
        Assert.Equal("the argument 'iban' is missing", error.Message);
        Assert.Equal("bank/iban", error.Where);
    }

    [Fact]
    public async Task A_tool_that_traps_or_loops_fails_alone()
    {
        var looping = Server("bad", Described(Wasm.Dist("hostile/loop"), "loop"));

        var limits = new SandboxLimits { MaxCpuTime = TimeSpan.FromMilliseconds(100) };
        var outcome = await CallAsync(looping, "loop", "{}", limits);

        var error = Assert.IsType<ToolOutcome.Failed>(outcome).Error;
        Assert.Equal(ReasonCodes.ToolFailed, error.Code);
        Assert.Contains("AR3006", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_tool_that_takes_too_long_is_stopped()
    {
        var loop = Server("bad", Described(Wasm.Dist("hostile/loop"), "loop"));
        var server = loop with { Timeout = TimeSpan.FromMilliseconds(50) };

        var outcome = await CallAsync(server, "loop", "{}", new SandboxLimits { MaxCpuTime = TimeSpan.FromMinutes(5) });

        Assert.Equal(ReasonCodes.ToolTimeout, Assert.IsType<ToolOutcome.Failed>(outcome).Error.Code);
    }

    [Fact]
    public async Task A_tool_reaches_neither_models_nor_tools()
    {
        var server = Server("sly", Described(Wasm.Dist("digest"), "digest"));

        var outcome = await CallAsync(server, "digest", "{}");

        Assert.Equal(
            new ToolOutcome.Succeeded(
                "1 lines, 1 words. No summary: AR2002: A tool may call neither models nor tools."),
            outcome);
    }

    [Fact]
    public async Task A_module_that_is_not_there_or_describes_no_tool_is_an_unreachable_server()
    {
        var absent = new ToolServer("x", new Uri($"wasm:{new string('0', 64)}"));
        var nonsense = new ToolServer("x", new Uri("wasm:nonsense"));
        var http = new ToolServer("x", new Uri("http://127.0.0.1/"));
        var silent = Server("x", Wasm.Dist("digest"));
        var twice = Server("x", Wasm.WithSetting(
            Wasm.Dist("digest"), "tool", """{"name":"x","name":"y","description":"","input_schema":{}}"""));

        foreach (var server in new[] { absent, nonsense, http, silent, twice })
        {
            var listing = await Assert.ThrowsAsync<RuntimeErrorException>(async () =>
                await Transport().ListAsync(server, default));
            var call = Assert.IsType<ToolOutcome.Failed>(await CallAsync(server, "y", "{}"));

            Assert.Equal(ReasonCodes.ToolServerUnreachable, listing.Error.Code);
            Assert.Equal(ReasonCodes.ToolServerUnreachable, call.Error.Code);
        }
    }

    [Fact]
    public async Task A_tool_that_the_module_does_not_offer_is_unknown()
    {
        var outcome = await CallAsync(Server("bank", Wasm.Dist("iban")), "transfer", "{}");

        Assert.Equal(ReasonCodes.UnknownTool, Assert.IsType<ToolOutcome.Failed>(outcome).Error.Code);
    }

    [Fact]
    public async Task Tenants_tools_are_compiled_in_turns()
    {
        var core = new ScriptedEngine(suspends: true);
        using var engine = new WasmSandboxEngine(core, new(), TimeProvider.System);
        var transport = new WasmToolTransport(engine, _modules, new(), TimeProvider.System);
        core.MayCompile.Reset();
        Task[] listed = [ListAsync(1, 1), ListAsync(1, 2), ListAsync(1, 3), ListAsync(2, 4)];
        core.MayCompile.Set();

        await Task.WhenAll(listed);

        Assert.Equal([1, 4, 2, 3], core.Compiled.Select(n => (int)n));

        async Task ListAsync(byte tenant, byte module) => Assert.Single(await transport.ListAsync(
            Server("kit", Described(ScriptedEngine.Bytes(module), "count")) with
            {
                Tenant = new(new Guid(tenant, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)),
            },
            default));
    }

    private static byte[] Described(byte[] module, string name) => Wasm.WithSetting(
        module, "tool", $$"""{"name":"{{name}}","description":"","input_schema":{"type":"object"} }""");

    /// <summary>Whether a module is the tool of the templates.</summary>
    internal static async Task CountsWordsAsync(byte[] module)
    {
        var tests = new WasmToolTests();
        var server = tests.Server("kit", module);

        var tool = Assert.Single(await tests.Transport().ListAsync(server, default));
        var counted = await tests.CallAsync(
            server, "count_words", """{"text":"f\u00fcnf W\u00f6rter\n sind \"hier\" \ud83d\ude00"}""");

        Assert.Equal("kit/count_words", tool.Name);
        Assert.Equal(new ToolOutcome.Succeeded("""{"words":5}"""), counted);
    }

    private static byte[] Slug()
    {
        var folder = Path.Combine(Repository.Root, "sandboxes", "guests", "javascript", "slug");
        var script = File.ReadAllText(Path.Combine(folder, "tool.js"), Encoding.UTF8);
        var description = File.ReadAllText(Path.Combine(folder, "tool.json"), Encoding.UTF8);
        return Wasm.WithSetting(Wasm.WithSetting(Wasm.Dist("javascript"), "script", script), "tool", description);
    }

    private ToolServer Server(string name, byte[] module) => new(name, new Uri($"wasm:{_modules.Add(module)}"));

    private WasmToolTransport Transport(SandboxLimits? limits = null) =>
        new(GuestRun.Engine, _modules, limits ?? new(), TimeProvider.System);

    private async Task<ToolOutcome> CallAsync(
        ToolServer server, string tool, string arguments, SandboxLimits? limits = null) =>
        await Transport(limits).CallAsync(
            server, new ToolInvocation(tool, JsonDocument.Parse(arguments).RootElement, "key"), default);

    private sealed class Modules : IAgentStore
    {
        private readonly Dictionary<ModuleDigest, byte[]> _modules = [];

        public ModuleDigest Add(byte[] module)
        {
            var digest = ModuleDigest.Of(module);
            _modules[digest] = module;
            return digest;
        }

        public ValueTask<bool> DeleteAsync(
            TenantId tenant, string project, string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<ReadOnlyMemory<byte>?> ReadModuleAsync(
            ModuleDigest digest, CancellationToken cancellationToken) =>
            ValueTask.FromResult(
                _modules.TryGetValue(digest, out var module) ? (ReadOnlyMemory<byte>?)module : default);

        public ValueTask<AgentRecord> DeployAsync(AgentDeployment deployment, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<AgentRecord?> FindAsync(
            TenantId tenant, string project, string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<IReadOnlyList<AgentRecord>> ListAsync(TenantId tenant, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
