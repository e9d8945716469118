using System.Diagnostics;
using AgentRuntime.Abstractions;
using AgentRuntime.Sandboxes.Tests.Scripted;
using AgentRuntime.Sandboxes.Tests.Tools;
using AgentRuntime.TestKit;
using Xunit.Abstractions;

namespace AgentRuntime.Sandboxes.Tests.Guests;

/// <summary>
/// The guests that are checked in are what their sources say: where a toolchain is installed they are built again, and
/// both builds are run with the same input and the same answers. Compilers of other versions write other bytes.
/// </summary>
public sealed class RebuildTests(ITestOutputHelper output)
{
    private static readonly string Guests = Path.Combine(Repository.Root, "sandboxes", "guests");

    [Fact]
    public async Task Guests_that_are_built_again_behave_as_those_that_are_checked_in()
    {
        using var folder = new TemporaryFolder();

        var exitCode = await RunAsync(Path.Combine(Guests, "build"), Guests, ("OUT", folder.Path));

        Assert.True(exitCode is 0 or 3, $"build ended with {exitCode}");
        await CompareAsync(
            folder, "triage", """{"id":"T","order_id":"ORD-1003","intent":"refund","amount_cents":1,"text":"x"}""");
        await CompareAsync(folder, "digest", "one two\nthree");
        await CompareAsync(folder, "assistant", "where?");
        await CompareAsync(folder, "iban", """{"iban":"DE89370400440532013000"}""");
        await CompareAsync(folder, "words", """{"text":"one two"}""");
        await CompareAsync(folder, "javascript", "x");
        await CompareAsync(folder, "notes-assemblyscript", "list a");
        await CompareAsync(folder, "notes-c", "get a");
        await CompareAsync(folder, "notes-rust", "set a b");
        await CompareAsync(folder, "hostile/recurse", "");
        await CompareAsync(folder, "hostile/liar", "j");
        await CompareAsync(folder, "hostile/poll", "o");
        await CompareAsync(folder, "hostile/memory-liar", "e");
        await CompareAsync(folder, "hostile/neighbour", "");
    }

    [Theory]
    [InlineData("c", "/usr/bin/clang /usr/bin/wasm-ld /usr/include/wasm32-wasi /usr/lib/clang/14.0.6/lib/wasi")]
    [InlineData("rust", "/usr/bin/rustc /usr/lib/rustlib/wasm32-wasi")]
    [InlineData("javascript", "/usr/bin/node")]
    public async Task A_template_builds_into_an_agent_that_asks_the_model(string language, string toolchain)
    {
        if (toolchain.Split(' ').FirstOrDefault(path => !Path.Exists(path)) is { } missing)
        {
            output.WriteLine($"{language}: not built, because {missing} is not installed");
            return;
        }

        using var folder = new TemporaryFolder();
        Copy(Path.Combine(Guests, "templates", language), folder.Path);

        Assert.Equal(0, await RunAsync(Path.Combine(folder.Path, "build"), folder.Path));

        var built = await File.ReadAllBytesAsync(Path.Combine(folder.Path, "agent.wasm"));
        var run = await GuestRun.RunAsync(built, "Hé?");

        Assert.Equal("Dear customer, grüße (1 messages).", run.Output);
        var chat = Assert.IsType<HostCall.Chat>(Assert.Single(run.Calls));
        Assert.Equal("Hé?", chat.Messages[0].Content);
        Assert.Equal(128, chat.Options.MaxOutputTokens);
        Assert.Equal("asking the model", Assert.Single(run.Log).Message);
    }

    [Theory]
    [InlineData("c", "/usr/bin/clang /usr/bin/wasm-ld /usr/include/wasm32-wasi /usr/lib/clang/14.0.6/lib/wasi")]
    [InlineData("rust", "/usr/bin/rustc /usr/lib/rustlib/wasm32-wasi")]
    [InlineData("javascript", "/usr/bin/node")]
    public async Task A_template_builds_into_a_tool_that_says_what_it_is_and_answers(string language, string toolchain)
    {
        if (toolchain.Split(' ').FirstOrDefault(path => !Path.Exists(path)) is { } missing)
        {
            output.WriteLine($"{language}: not built, because {missing} is not installed");
            return;
        }

        // As agentctl new --kind tool copies it.
        using var folder = new TemporaryFolder();
        var template = Path.Combine(Guests, "templates", language);
        Copy(template, folder.Path);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(template, "tool")))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)), overwrite: true);

        Assert.Equal(0, await RunAsync(Path.Combine(folder.Path, "build"), folder.Path));

        await WasmToolTests.CountsWordsAsync(await File.ReadAllBytesAsync(Path.Combine(folder.Path, "tool.wasm")));
    }

    private async Task CompareAsync(TemporaryFolder folder, string name, string input)
    {
        var rebuilt = Path.Combine(folder.Path, $"{name}.wasm");
        if (!File.Exists(rebuilt))
        {
            output.WriteLine($"{name}: not compared, because its toolchain is not installed");
            return;
        }

        var before = await GuestRun.RunAsync(Wasm.Dist(name), input);
        var after = await GuestRun.RunAsync(await File.ReadAllBytesAsync(rebuilt), input);

        Assert.Equal(Ending(before.Last), Ending(after.Last));
        Assert.Equal(before.Calls.Select(c => c.ToString()), after.Calls.Select(c => c.ToString()));
        Assert.Equal(before.Log, after.Log);
    }

    // Offsets and line numbers within the module may differ; what happened may not.
    private static string Ending(SandboxStep step) =>
        step is SandboxStep.Trapped trapped ? $"{trapped.Error.Code}: {trapped.Error.Message}" : step.ToString();

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (Path.GetFileName(file) != "agent.wasm") File.Copy(file, target);
        }
    }

    private async Task<int> RunAsync(string program, string folder, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var standard = process.StandardOutput.ReadToEndAsync(limit.Token);
        var error = process.StandardError.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        output.WriteLine(await standard + await error);
        return process.ExitCode;
    }

    private sealed class TemporaryFolder : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("agentruntime-guests-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
