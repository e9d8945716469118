using System.Collections.Concurrent;
using System.Text;
using AgentRuntime.Abstractions;

namespace AgentRuntime.Execution.Tests;

/// <summary>What a scripted agent does: the C# in place of a module's code.</summary>
internal delegate Task<string> GuestProgram(string input, ScriptedGuest guest);

/// <summary>Runs C# functions as agents: a module's bytes are the function's name.</summary>
internal sealed class ScriptedEngine : ISandboxEngine
{
    private readonly ConcurrentDictionary<string, GuestProgram> _programs = [];
    private readonly ConcurrentDictionary<ModuleDigest, ISandboxModule> _kept = [];

    /// <summary>What compiling a module takes, by its name, which is then kept, and what its code with fuel takes, by
    /// <c>NAME fuel</c>; null for no time, and nothing is kept.</summary>
    public Func<string, Task>? Compiling { get; set; }

    public string Name => "scripted";

    public byte[] Module(string name, GuestProgram program)
    {
        _programs[name] = program;
        return Encoding.UTF8.GetBytes(name);
    }

    public async ValueTask<ISandboxModule> CompileAsync(ReadOnlyMemory<byte> wasm, CancellationToken cancellationToken)
    {
        var name = Encoding.UTF8.GetString(wasm.Span);
        var module = new Module_(ModuleDigest.Of(wasm.Span), _programs[name], () => Compiling?.Invoke($"{name} fuel"));
        if (Compiling is not { } compiling)
            return module;
        await compiling(name);
        return _kept[module.Digest] = module;
    }

    public ISandboxModule? Find(ModuleDigest digest) => _kept.GetValueOrDefault(digest);

    private sealed class Module_(ModuleDigest digest, GuestProgram program, Func<Task?> prepare) : ISandboxModule
    {
        private volatile bool _isMetered;

        public ModuleDigest Digest => digest;

        public bool IsPrepared(SandboxLimits limits) => limits.Fuel is null || _isMetered;

        public async ValueTask PrepareAsync(SandboxLimits limits, CancellationToken cancellationToken)
        {
            if (IsPrepared(limits)) return;
            await (prepare() ?? Task.CompletedTask);
            _isMetered = true;
        }

        public ISandbox Instantiate(SandboxLimits limits, ISandboxLog log) => new ScriptedGuest(program, log);
    }
}

/// <summary>The guest reports an error of its own.</summary>
internal sealed class GuestErrorException(string message) : Exception(message);

/// <summary>The guest traps.</summary>
internal sealed class GuestTrapException(ReasonCode code) : Exception
{
    public ReasonCode Code => code;
}

/// <summary>One scripted guest: blocks and resumes as a real one does, holding no thread while it waits.</summary>
internal sealed class ScriptedGuest(GuestProgram program, ISandboxLog log) : ISandbox
{
    private TaskCompletionSource<SandboxStep> _step = New<SandboxStep>();
    private TaskCompletionSource<HostCallResult> _answer = New<HostCallResult>();
    private int _hostCalls;
    private volatile bool _stopped;

    public SandboxUsage Usage => new(TimeSpan.FromMilliseconds(3), new ByteCount(65_536), _hostCalls, default);

    /// <summary>What the guest's code does to ask the host.</summary>
    public Task<HostCallResult> CallAsync(HostCall call)
    {
        _hostCalls++;
        _answer = New<HostCallResult>();
        _step.TrySetResult(new SandboxStep.Blocked(call));
        return _answer.Task;
    }

    public async Task<string> CallToolAsync(string name, string arguments) =>
        await CallAsync(new HostCall.CallTool(name, arguments)) switch
        {
            HostCallResult.Tool tool => tool.Content,
            HostCallResult.Refused refused => refused.Error.Code.ToString(),
            var other => throw new InvalidOperationException(other.ToString()),
        };

    public async Task<string> ChatAsync(string text, ChatOptions? options = null) =>
        await CallAsync(new HostCall.Chat([new ChatMessage(ChatRole.User, text)], options ?? new ChatOptions())) switch
        {
            HostCallResult.Chat chat => chat.Response.Content,
            HostCallResult.Refused refused => refused.Error.Code.ToString(),
            var other => throw new InvalidOperationException(other.ToString()),
        };

    public void Log(string line) => log.Write(GuestLogLevel.Info, line);

    public ValueTask<SandboxStep> StartAsync(string input, CancellationToken cancellationToken)
    {
        _ = RunAsync(input);
        return new(_step.Task);
    }

    public ValueTask<SandboxStep> ResumeAsync(HostCallResult result, CancellationToken cancellationToken)
    {
        var next = New<SandboxStep>();
        Volatile.Write(ref _step, next);
        if (_stopped)
            Stop("stopped before it was resumed");
        _answer.SetResult(result);
        return new(next.Task);
    }

    public void Stop(string reason)
    {
        _stopped = true;
        Volatile.Read(ref _step).TrySetResult(new SandboxStep.Trapped(new RuntimeError(ReasonCodes.Stopped, reason)));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task RunAsync(string input)
    {
        await Task.Yield();
        try
        {
            var output = await program(input, this);
            _step.TrySetResult(new SandboxStep.Finished(output));
        }
        catch (GuestErrorException e)
        {
            _step.TrySetResult(new SandboxStep.Failed(e.Message));
        }
        catch (GuestTrapException e)
        {
            _step.TrySetResult(new SandboxStep.Trapped(new RuntimeError(e.Code, "scripted trap")));
        }
        catch (Exception e)
        {
            _step.TrySetException(e);
        }
    }

    private static TaskCompletionSource<T> New<T>() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
