using System.CommandLine;
using AgentRuntime.Node;

namespace AgentRuntime.Host.Roles;

/// <summary>The options of <c>agentruntime node</c> that say what computes and how.</summary>
internal sealed class ComputeFlags
{
    private readonly Option<string[]> _lora = new("--lora")
    {
        Description = "NAME=PATH of a LoRA adapter that requests name as their model; may be given again",
    };

    private readonly Option<bool> _exact = new("--exact")
    {
        Description =
            "Answers that depend on nothing beside them with weights in IQ1 to IQ3 and on accelerators too; slower",
    };

    private readonly Option<bool> _embeddings = new("--embeddings")
    {
        Description = "Serve /v1/embeddings though the model names no pooling (then the mean)",
    };

    private readonly Option<string> _device = new("--device")
    {
        Description = "cpu, vulkan or cuda (runtime/docs/accelerators.md)", DefaultValueFactory = _ => "cpu",
    };

    private readonly Option<int> _gpuLayers = new("--gpu-layers")
    {
        Description = "Layers on the device; -1 for all", DefaultValueFactory = _ => -1,
    };

    public void AddTo(Command command)
    {
        _device.AcceptOnlyFromAmong("cpu", "vulkan", "cuda");
        _lora.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                try
                {
                    AdapterOptions.Parse(token.Value);
                }
                catch (FormatException e)
                {
                    result.AddError(e.Message);
                }
            }
        });
        command.Options.Add(_lora);
        command.Options.Add(_exact);
        command.Options.Add(_embeddings);
        command.Options.Add(_device);
        command.Options.Add(_gpuLayers);
    }

    public NodeOptions Apply(ParseResult parsed, NodeOptions options)
    {
        var device = parsed.GetRequiredValue(_device);
        return options with
        {
            Adapters = [.. (parsed.GetValue(_lora) ?? []).Select(AdapterOptions.Parse)],
            Exact = parsed.GetValue(_exact),
            Embeddings = parsed.GetValue(_embeddings),
            Device = device,
            GpuLayers = device == "cpu" ? 0 : parsed.GetValue(_gpuLayers),
        };
    }
}
