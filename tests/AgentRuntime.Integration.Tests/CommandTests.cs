using AgentRuntime.Integration.Tests.Processes;

namespace AgentRuntime.Integration.Tests;

/// <summary>Commands that cannot do their work say why, with a code, and exit with something other than zero.</summary>
public class CommandTests(RunningPlatform platform) : IClassFixture<RunningPlatform>
{
    [Theory]
    [InlineData(1, "AR1006", "run", "demo/nobody", "--text", "x")]
    [InlineData(1, "AR8008", "run", "demo/triage", "--input", "/nonexistent/tickets.jsonl")]
    [InlineData(2, "AR8006", "run", "demo/triage")]
    [InlineData(2, "AR8006", "fly")]
    [InlineData(1, "AR1007", "runs", "show", "run_00000000000070008000000000000000")]
    [InlineData(1, "AR8008", "policy", "apply", "/nonexistent")]
    public async Task A_command_that_fails_says_why(int exitCode, string code, params string[] arguments)
    {
        var (exit, output) = await platform.AgentctlAsync(arguments);

        Assert.Equal(exitCode, exit);
        Assert.Contains(code, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_show_in_the_service_levels()
    {
        Assert.Equal(0, (await platform.AgentctlAsync("chat", "Hello")).ExitCode);

        var (exit, output) = await platform.AgentctlAsync("slo");

        Assert.Equal(0, exit);
        Assert.Matches("^demo  interactive  [1-9][0-9]* requests, 0 refused ", output);
        Assert.Contains("error budget left", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_invalid_module_cannot_be_deployed()
    {
        var file = Path.Combine(platform.State, "broken.wasm");
        await File.WriteAllBytesAsync(file, "\0asm\u0001\0\0\0\u0001"u8.ToArray());

        var (exit, output) = await platform.AgentctlAsync("agents", "deploy", "demo/broken", file);

        Assert.Equal(1, exit);
        Assert.Contains("AR3001", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AR8001: listen: 'http://10.0.0.700:0' is not http://ADDRESS", """{"listen": "http://10.0.0.700:0"}""")]
    [InlineData("AR8001: listen: 'http://db:0' is not http://ADDRESS", """{"listen": "http://db:0"}""")]
    [InlineData("AR8001: ", """{"workers": 1, "workers": 2}""")]
    [InlineData("AR8001: workers: 1 to 1024", "\ufeff{\"workers\": 0}")]
    public async Task A_configuration_that_cannot_be_kept_to_is_refused(string message, string configuration)
    {
        var folder = Directory.CreateDirectory(Path.Combine(platform.State, "refused")).FullName;
        var file = Path.Combine(folder, "refused.json");
        await File.WriteAllTextAsync(file, configuration);

        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "all", "--config", file, "--state", folder]);

        Assert.Equal(1, exit);
        Assert.Contains($"error {message}", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--register", "edge:8790", "'edge:8790' is not an http address")]
    [InlineData("--role", "reader", "it is none of the values that there are. Did you mean one of the following? Both")]
    [InlineData("--port", "x", "it is no whole number")]
    public async Task A_wrong_option_of_a_node_is_told_on_one_line(string option, string value, string told)
    {
        var key = Path.Combine(platform.State, "some.key");
        await File.WriteAllTextAsync(key, "secret");

        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "node", "--simulate", option, value, "--register-key-file", key]);

        Assert.Equal(2, exit);
        Assert.StartsWith("error AR8006: ", output, StringComparison.Ordinal);
        Assert.Contains(told, output, StringComparison.Ordinal);
        Assert.Single(output.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("10.0.0.700")]
    [InlineData("gpu-1")]
    public async Task A_node_does_not_listen_everywhere_for_an_address_that_is_none(string host)
    {
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "node", "--simulate", "--host", host]);

        Assert.Equal(1, exit);
        Assert.Contains("error AR8001", output, StringComparison.Ordinal);
        Assert.Contains("Host is no IP address", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_configuration_is_told_at_once_and_whole()
    {
        var file = Path.Combine(platform.State, "wrong.json");
        await File.WriteAllTextAsync(file, """
            {
              "listen": "nowhere", "workers": 0, "nodes": { "model": "none.gguf", "device": "abacus" },
              "sandbox": { "engine": "v8" }
            }
            """);

        var (exit, output) = await ChildProcess.RunAsync("dotnet", [Programs.Platform, "all", "--config", file]);

        Assert.Equal(1, exit);
        Assert.Contains("AR8001", output, StringComparison.Ordinal);
        Assert.Contains("listen", output, StringComparison.Ordinal);
        Assert.Contains("workers", output, StringComparison.Ordinal);
        Assert.Contains("nodes.model", output, StringComparison.Ordinal);
        Assert.Contains("nodes.device", output, StringComparison.Ordinal);
        Assert.Contains("sandbox.engine", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"tenants":[null]}""", "tenants")]
    [InlineData("""{"tenants":[{"name":"a","project":"p","agents":{"x":null}}]}""", "tenants.a.agents.x")]
    [InlineData("""{"prices":{"*":null},"engines":[null]}""", "engines, prices.*")]
    [InlineData("""{"prices":{"*":{"output_usd_per_million":1e28}}}""", "prices.*: at most")]
    [InlineData("""{"quota_ceiling":{"cost_per_day_usd":1e25}}""", "quota_ceiling.cost_per_day_usd: at most")]
    [InlineData("""{"storage":{"agents":0}}""", "storage.agents: 1 to 1000000")]
    [InlineData("""{"storage":{"modules_mib":0,"memory_mib":-1}}""", "storage.memory_mib: at least 1")]
    [InlineData("""{"storage":{"runs_mib":0,"runs_days":0}}""", "storage.runs_days: 1 to 36500")]
    [InlineData("""{"sandbox":{"max_memory_mib":4097}}""", "sandbox.max_memory_mib: 1 to 4096")]
    [InlineData(
        """{"sandbox":{"max_memory_mib":64,"max_tenant_memory_mib":63}}""",
        "sandbox.max_tenant_memory_mib: sandbox.max_memory_mib (64) to")]
    [InlineData("""{"listen":"http://edge.internal:0"}""", "listen: 'http://edge.internal:0' is not")]
    [InlineData("""{"listen":"http://127.0.0.1:0/path"}""", "listen: 'http://127.0.0.1:0/path' is not")]
    [InlineData("""{"tenants":[{"name":"Acme Ltd","project":"p"}]}""", "tenants: 'Acme Ltd' is no name for a tenant: ")]
    [InlineData("""{"tenants":[{"name":"","project":"p"}]}""", "tenants: '' is no name for a tenant: ")]
    [InlineData("""{"tenants":[{"name":"a","project":"p/q"}]}""", "tenants.a.project: 'p/q' is no name for a project")]
    [InlineData(
        """{"tenants":[{"name":"a","project":"p","agents":{"-x":"/dev/null"}}]}""",
        "tenants.a.agents: '-x' is no name for an agent: ")]
    [InlineData("""{"tool_endpoints":{"Shop":"http://a"}}""", "tool_endpoints: 'Shop' is no name for a tool server: ")]
    [InlineData("""{"nodes":{"model_name":"my model"}}""", "nodes.model_name: 'my model' is no name for a model: ")]
    [InlineData("""{"prices":{"":{}}}""", "prices: '' is no name for a model: ")]
    [InlineData(
        """{"tenants":[{"name":"a","project":"p","key_file":"k"},{"name":"b","project":"p","key_file":"./k"}]}""",
        "two of them have the key_file")]
    public async Task What_a_configuration_must_not_hold_is_told_and_not_a_crash(string configuration, string told)
    {
        var file = Path.Combine(platform.State, $"{Guid.CreateVersion7()}.json");
        await File.WriteAllTextAsync(file, configuration);

        var (exit, output) = await ChildProcess.RunAsync("dotnet", [Programs.Platform, "all", "--config", file]);

        Assert.Equal(1, exit);
        Assert.Contains("AR8001", output, StringComparison.Ordinal);
        Assert.Contains(told, output, StringComparison.Ordinal);
        Assert.Contains(file, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_that_the_nodes_cannot_have_is_told_before_anything_is_served()
    {
        var empty = Directory.CreateDirectory(Path.Combine(platform.State, "no-libraries"));

        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet",
            [
                Programs.Platform, "all", "--state", Path.Combine(platform.State, "device"), "--port", "0",
                "--device", "cuda",
            ],
            new Dictionary<string, string> { ["AGENTRUNTIME_LLAMA_DIR"] = empty.FullName });

        Assert.Equal(1, exit);
        Assert.Contains("AR8005", output, StringComparison.Ordinal);
        Assert.Contains("tests/gpu/install cuda", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nodes_are_started_as_the_configuration_says()
    {
        var file = Path.Combine(platform.State, "exact.json");
        await File.WriteAllTextAsync(file, """
            { "state": "exact", "nodes": { "simulate": true, "count": 1, "exact": true, "device": "vulkan" } }
            """);

        var (process, _) = await ChildProcess.StartServerAsync(
            "dotnet", [Programs.Platform, "all", "--config", file, "--port", "0"]);
        await using var owned = process;
        var child = int.Parse(
            (await File.ReadAllTextAsync($"/proc/{process.Id}/task/{process.Id}/children")).Split(' ')[0],
            System.Globalization.CultureInfo.InvariantCulture);
        var arguments = (await File.ReadAllTextAsync($"/proc/{child}/cmdline")).Split('\0');

        Assert.Contains("--exact", arguments);
        Assert.Contains("--device", arguments);
        Assert.Equal("vulkan", arguments[Array.IndexOf(arguments, "--device") + 1]);
    }

    [Fact]
    public async Task A_sandbox_library_that_is_none_is_refused_before_anything_starts()
    {
        var file = Path.Combine(platform.State, "sandbox.json");
        await File.WriteAllTextAsync(Path.Combine(platform.State, "libwasmtime.so"), "this is no library");
        await File.WriteAllTextAsync(file, """{ "sandbox": { "engine": "wasmtime", "library": "libwasmtime.so" } }""");

        var (exit, output) = await ChildProcess.RunAsync("dotnet", [Programs.Platform, "all", "--config", file]);

        Assert.Equal(1, exit);
        Assert.Contains("AR3018", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_refuses_a_file_that_is_no_model()
    {
        var file = Path.Combine(platform.State, "not-a-model.gguf");
        await File.WriteAllTextAsync(file, "this is not a GGUF file");

        var (exit, output) = await ChildProcess.RunAsync("dotnet", [Programs.Platform, "node", "--model", file]);

        Assert.Equal(1, exit);
        Assert.Contains("AR4010", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_key_of_a_backend_that_cannot_be_sent_is_told_before_anything_is()
    {
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet",
            [
                Programs.Platform, "all", "--state", Path.Combine(platform.State, "keyed"), "--port", "0",
                "--backend", platform.Url.ToString(),
            ],
            new Dictionary<string, string> { ["OPENAI_API_KEY"] = "a key\nof two lines" });

        Assert.Equal(1, exit);
        Assert.Contains(
            "AR8001: engines.backend.api_key_variable: OPENAI_API_KEY holds no key", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/v1")]
    [InlineData("/v1/")]
    public async Task A_backend_may_be_named_with_the_version_that_OpenAIs_clients_add(string ending)
    {
        var (process, address) = await ChildProcess.StartServerAsync(
            "dotnet",
            [
                Programs.Platform, "all", "--state", Path.Combine(platform.State, "backed"), "--port", "0",
                "--backend", platform.Url.ToString().TrimEnd('/') + ending,
            ],
            new Dictionary<string, string> { ["OPENAI_API_KEY"] = platform.ApiKey });

        Assert.NotEqual(platform.Url, address);
        await process.DisposeAsync();
    }

    [Fact]
    public async Task A_taken_port_is_told_by_code()
    {
        var (exit, output) = await ChildProcess.RunAsync("dotnet",
        [
            Programs.Platform, "all", "--state", Path.Combine(platform.State, "second"),
            "--port", $"{platform.Url.Port}", "--backend", platform.Url.ToString(),
        ], new Dictionary<string, string> { ["OPENAI_API_KEY"] = platform.ApiKey });

        Assert.Equal(1, exit);
        Assert.Contains("AR8003", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_platform_in_the_same_folder_is_refused_and_leaves_the_first_ones_guests_alone()
    {
        var guest = Path.Combine(platform.State, "waiting", "run_1.guest");
        await File.WriteAllTextAsync(guest, "waits");

        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "all", "--state", platform.State, "--port", "0"]);

        Assert.Equal(1, exit);
        Assert.Contains("AR8002", output, StringComparison.Ordinal);
        Assert.Contains("Another platform works in this folder", output, StringComparison.Ordinal);
        Assert.Equal("waits", await File.ReadAllTextAsync(guest));
        File.Delete(guest);
    }

    [Theory]
    [InlineData("--device", "cuda", "--device and --backend exclude each other")]
    [InlineData("--model", "some.gguf", "--model and --backend exclude each other")]
    public async Task What_is_for_bundled_nodes_is_refused_beside_another_backend(
        string option, string value, string complaint)
    {
        var (exit, output) = await ChildProcess.RunAsync(
            "dotnet", [Programs.Platform, "all", "--backend", "http://127.0.0.1:9", option, value]);

        Assert.NotEqual(0, exit);
        Assert.Contains(complaint, output, StringComparison.Ordinal);
    }
}
