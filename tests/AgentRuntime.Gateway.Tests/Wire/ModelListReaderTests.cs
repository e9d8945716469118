using System.Text;

namespace AgentRuntime.Gateway.Tests;

public class ModelListReaderTests
{
    [Theory]
    [InlineData(256, 1)]
    [InlineData(257, 0)]
    public void A_name_that_no_client_could_send_is_no_model(int chars, int models)
    {
        var list = $$"""{"data":[{"id":"{{new string('m', chars)}}"}]}""";

        var read = ModelListReader.Read(
            Encoding.UTF8.GetBytes(list), new EngineDescriptor("a", new Uri("http://127.0.0.1:1"), EngineKind.Vllm));

        Assert.Equal(models, read.Count);
    }
}
