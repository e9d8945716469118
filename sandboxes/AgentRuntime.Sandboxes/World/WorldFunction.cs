using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Running;

namespace AgentRuntime.Sandboxes.World;

/// <summary>A function that the host offers to guests. Immutable.</summary>
/// <param name="Module">The first name of the import.</param>
/// <param name="Name">The second name of the import.</param>
/// <param name="Type">The core type, as the canonical ABI flattens it.</param>
/// <param name="MayBlock">Whether the guest may have to wait for the answer.</param>
/// <param name="Body">What it does.</param>
internal sealed record WorldFunction(
    string Module, string Name, FunctionType Type, bool MayBlock, WorldFunctionBody Body);

/// <summary>What a host function does, on the guest's thread.</summary>
internal delegate HostReturn WorldFunctionBody(
    GuestSession session, ReadOnlySpan<WasmValue> arguments, Span<WasmValue> results);
