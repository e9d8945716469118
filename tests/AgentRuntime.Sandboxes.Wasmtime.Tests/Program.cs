using AgentRuntime.Sandboxes.Wasmtime.Compiling;

return CompilerWorker.Run(args);
