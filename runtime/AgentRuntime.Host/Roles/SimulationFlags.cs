using System.CommandLine;
using AgentRuntime.Node;
using AgentRuntime.Node.Simulation;

namespace AgentRuntime.Host.Roles;

/// <summary>The options of <c>agentruntime node --simulate</c>: how long what is not computed would take.</summary>
internal sealed class SimulationFlags
{
    /// <summary>What a serving engine on a GPU takes in one pass; llama.cpp's own default is for a CPU.</summary>
    private const int BatchTokens = 8192;

    private static readonly SimulationOptions Defaults = new();

    private readonly Option<bool> _simulate = new("--simulate")
    {
        Description = "Compute nothing and take the time of the --sim options instead; needs no model",
    };

    private readonly Option<double> _prefill =
        Real("--sim-prefill-us", "Microseconds to read a prompt token", Defaults.PrefillMicrosecondsPerToken);

    private readonly Option<double> _pass =
        Real("--sim-pass-ms", "Milliseconds of a pass, whatever is in it", Defaults.PassMilliseconds);

    private readonly Option<double> _decode = Real(
        "--sim-decode-us", "Microseconds that each writing sequence adds to a pass",
        Defaults.DecodeMicrosecondsPerSequence);

    private readonly Option<double> _jitter =
        Real("--sim-jitter", "How far a pass may be off, as a part of its time", Defaults.Jitter);

    private readonly Option<double> _transfer = Real(
        "--sim-transfer-gb-s", "Gigabytes of KV state moved in a second", Defaults.TransferBytesPerSecond / 1e9);

    private readonly Option<double> _kvBytes =
        Real("--sim-kv-bytes", "Bytes of KV state a token", Defaults.KvBytesPerToken);

    private readonly Option<double> _speed = Real("--speed", "Times faster than real time", Defaults.Speed);

    private readonly Option<int> _output =
        Whole("--sim-output-tokens", "Mean length of answers", Defaults.OutputTokens);

    private readonly Option<int> _seed = Whole("--sim-seed", "Seed of jitter and lengths", Defaults.Seed);

    private readonly Option<int> _pool = Whole("--kv-tokens", "KV cells in all; 0 for context x sequences", 0);

    public void AddTo(Command command)
    {
        Option[] options =
            [_simulate, _prefill, _pass, _decode, _jitter, _transfer, _kvBytes, _speed, _output, _seed, _pool];
        foreach (var option in options) command.Add(option);
    }

    /// <summary>Whether the node is to be simulated.</summary>
    public bool Asked(ParseResult parsed) => parsed.GetValue(_simulate);

    /// <summary>A node's options with the pool and, when asked for, the simulation.</summary>
    public NodeOptions Apply(ParseResult parsed, NodeOptions options)
    {
        options = options with { KvPoolTokens = parsed.GetValue(_pool) };
        if (!Asked(parsed)) return options;
        return options with
        {
            Simulation = new()
            {
                PrefillMicrosecondsPerToken = parsed.GetValue(_prefill),
                PassMilliseconds = parsed.GetValue(_pass),
                DecodeMicrosecondsPerSequence = parsed.GetValue(_decode),
                Jitter = parsed.GetValue(_jitter),
                TransferBytesPerSecond = parsed.GetValue(_transfer) * 1e9,
                KvBytesPerToken = (long)parsed.GetValue(_kvBytes),
                Speed = parsed.GetValue(_speed),
                OutputTokens = parsed.GetValue(_output),
                Seed = parsed.GetValue(_seed),
            },
            BatchTokens = Math.Max(BatchTokens, options.ParallelSequences),
            PrefillChunkTokens = BatchTokens,
            QueuedRequests = 65_536,
            MaxConnections = 65_536,
        };
    }

    private static Option<double> Real(string name, string description, double byDefault) => new(name)
    {
        Description = FormattableString.Invariant($"{description}; default {byDefault}"),
        DefaultValueFactory = _ => byDefault,
    };

    private static Option<int> Whole(string name, string description, int byDefault) => new(name)
    {
        Description = FormattableString.Invariant($"{description}; default {byDefault}"),
        DefaultValueFactory = _ => byDefault,
    };
}
