using AgentRuntime.Sandboxes.Managed.Tests.Building;

return Victim.Serve(args);
