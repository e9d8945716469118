using AgentRuntime.Abstractions;

namespace AgentRuntime.Node.Tests.Engine;

public sealed class DeviceTests
{
    public static TheoryData<string> OtherDevices => DemoNode.Device switch
    {
        "vulkan" => ["cuda"],
        "cuda" => ["vulkan"],
        _ => ["vulkan", "cuda"],
    };

    [Theory]
    [MemberData(nameof(OtherDevices))]
    public async Task A_device_that_this_process_cannot_have_is_refused_and_never_replaced(string device)
    {
        DemoNode.LoadLibrary();
        var error = await Assert.ThrowsAsync<RuntimeErrorException>(() =>
            DemoNode.StartAsync(o => o with { Device = device, GpuLayers = -1 }));

        Assert.Equal("AR8004", error.Error.Code.ToString());
        Assert.Contains(device, error.Error.Action!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_device_is_named()
    {
        var error = await Assert.ThrowsAsync<RuntimeErrorException>(() =>
            DemoNode.StartAsync(o => o with { Device = "abacus" }));
        Assert.Equal("AR8001", error.Error.Code.ToString());
    }
}
