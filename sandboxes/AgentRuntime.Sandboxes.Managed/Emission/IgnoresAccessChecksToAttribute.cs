namespace System.Runtime.CompilerServices;

/// <summary>Known to the runtime by name: lets emitted code call this assembly's internal accessors.</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class IgnoresAccessChecksToAttribute(string assemblyName) : Attribute
{
    public string AssemblyName { get; } = assemblyName;
}
