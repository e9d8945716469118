namespace AgentRuntime.Gateway.Routing;

/// <summary>
/// The router's own name of one KV block: a 64-bit hash of everything that decides the block's content, chained over
/// its parent, so that equal keys mean equal prefixes. A collision costs a wrong estimate, never a wrong answer: the
/// engine compares content itself. <c>default</c> (0) names nothing.
/// </summary>
/// <param name="Value">The hash.</param>
public readonly record struct BlockKey(ulong Value);
