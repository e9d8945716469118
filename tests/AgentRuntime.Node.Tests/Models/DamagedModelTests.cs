using AgentRuntime.Abstractions;
using AgentRuntime.Node.Models;
using Xunit.Abstractions;

namespace AgentRuntime.Node.Tests.Models;

public sealed class DamagedModelTests(ITestOutputHelper output)
{
    private const int Files = 60;
    private const int HeaderBytes = 24_000;

    [Fact]
    public void A_model_with_a_damaged_header_is_refused_with_a_code_or_loads()
    {
        DemoNode.LoadLibrary();
        var whole = File.ReadAllBytes(DemoNode.ModelPath);
        var random = new Random(20261121);
        var folder = Directory.CreateTempSubdirectory("agentruntime-damaged-");
        var refused = 0;
        try
        {
            for (var i = 0; i < Files; i++)
            {
                var damaged = (byte[])whole.Clone();
                for (var n = random.Next(1, 6); n > 0; n--)
                    damaged[random.Next(HeaderBytes)] = (byte)random.Next(256);
                var path = Path.Combine(folder.FullName, $"{i}.gguf");
                File.WriteAllBytes(path, damaged);
                try
                {
                    LoadedModel.Load(new() { ModelPath = path }).Dispose();
                }
                catch (RuntimeErrorException e)
                {
                    Assert.Equal("AR4010", e.Error.Code.ToString());
                    refused++;
                }

                File.Delete(path);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        output.WriteLine($"{refused} of {Files} refused");
        Assert.True(refused > 0);
    }
}
