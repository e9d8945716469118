using AgentRuntime.Execution.Tests;

// The victim of the crash tests: executes the run that its parent left in the journal, until somebody kills it.
await CrashingRun.ExecuteAsync(args[0], new Uri(args[1]));
