using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;
using AgentRuntime.Sandboxes.Managed.Instances;
using AgentRuntime.Sandboxes.Managed.Validation;

namespace AgentRuntime.Sandboxes.Managed.Emission;

/// <summary>
/// Emits a module as one type of a collectible assembly: the runtime optimizes such code at once, without tiers, and
/// frees it with the module. Function <c>i</c> is the static method <c>f{i}</c>: its parameters, the instance, the
/// remaining depth. Imports are stubs of the same shape. Not thread-safe.
/// </summary>
internal sealed class ModuleEmitter
{
    private const int ReferenceBytes = 8;

    private readonly TypeBuilder _type;
    private readonly MethodBuilder[] _functions;
    private readonly Type[][] _parameters;
    private readonly FunctionFacts[] _facts;

    private ModuleEmitter(ModuleModel model, FunctionFacts[] facts, CodeVariant variant, Action checkTime)
    {
        Budget = new EmissionBudget(checkTime);
        Model = model;
        Metered = variant.Metered;
        Watched = variant.Watched;
        ReferencedFunctions = Referenced(model);
        Suspension = new SuspensionAnalysis(model, facts, variant.BlockingImports, ReferencedFunctions);
        _facts = facts;
        var assembly = AssemblyBuilder.DefineDynamicAssembly(
            new AssemblyName("wasm"), AssemblyBuilderAccess.RunAndCollect);
        assembly.SetCustomAttribute(new CustomAttributeBuilder(
            typeof(IgnoresAccessChecksToAttribute).GetConstructor([typeof(string)])!,
            [typeof(ModuleEmitter).Assembly.GetName().Name!]));
        _type = assembly.DefineDynamicModule("wasm").DefineType(
            "Guest", TypeAttributes.Public | TypeAttributes.Abstract | TypeAttributes.Sealed);
        _functions = new MethodBuilder[model.Functions.Count];
        _parameters = new Type[model.Functions.Count][];
    }

    public ModuleModel Model { get; }

    public EmissionBudget Budget { get; }

    public bool Metered { get; }

    public bool Watched { get; }

    public SuspensionAnalysis Suspension { get; }

    private SortedSet<int> ReferencedFunctions { get; }

    /// <param name="model">The module.</param>
    /// <param name="facts">What validation found, by function.</param>
    /// <param name="variant">What the code is for.</param>
    /// <param name="checkTime">Throws when compiling takes too long.</param>
    /// <param name="now">How long machine code may be made before this returns.</param>
    /// <param name="later">How long it may be made beside what the caller goes on with.</param>
    public static CompiledCode Emit(ModuleModel model, FunctionFacts[] facts, CodeVariant variant, Action checkTime,
        TimeSpan now, TimeSpan later)
    {
        var emitter = new ModuleEmitter(model, facts, variant, checkTime);
        emitter.Define();
        for (var i = 0; i < model.ImportedFunctions; i++)
            emitter.Stub(emitter._functions[i], il => StubEmitter.Import(emitter, i, il));
        for (var i = model.ImportedFunctions; i < emitter._functions.Length; i++) emitter.Body(i);
        foreach (var i in emitter.ReferencedFunctions)
            emitter.Stub(emitter.ThunkMethod(i), il => StubEmitter.Thunk(emitter, i, il));
        var called = Called(model);
        foreach (var i in called)
        {
            emitter.Stub(emitter.Method("e" + i, typeof(void), StubEmitter.EntryParameters),
                il => StubEmitter.Entry(emitter, i, il));
        }

        checkTime();
        var type = emitter._type.CreateType();
        var methods = type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly);
        WarmUp.Begin(methods, now, later);
        return new CompiledCode(model, methods, emitter.ReferencedFunctions, called, emitter.Budget.UsedBytes);
    }

    public MethodInfo Function(int index) => _functions[index];

    /// <summary>Whether a function asks at its entry whether it may go on; -1 for none.</summary>
    public bool LooksAtEntry(int function) =>
        function >= Model.ImportedFunctions && _facts[function - Model.ImportedFunctions].CallsAnything;

    /// <summary>Parameters, then the instance, then the depth; the first result.</summary>
    private void Define()
    {
        for (var i = 0; i < _functions.Length; i++)
        {
            var type = Model.Functions[i];
            var parameters = new Type[type.Parameters.Length + 2];
            for (var p = 0; p < type.Parameters.Length; p++) parameters[p] = ClrTypes.Of(type.Parameters[p]);
            parameters[^2] = typeof(ManagedInstance);
            parameters[^1] = typeof(int);
            Budget.Take(parameters.Length * ReferenceBytes);
            _parameters[i] = parameters;
            _functions[i] = Method("f" + i, Result(type), parameters);
        }
    }

    private void Body(int i)
    {
        var facts = _facts[i - Model.ImportedFunctions];
        var frame = StubEmitter.FrameEstimate(Model, i, facts);
        var il = _functions[i].GetILGenerator();
        if (frame > StubEmitter.LargeFrameBytes)
        {
            // The frame is taken before the first instruction runs: a small method must look whether it fits.
            var body = Method($"f{i}_body", Result(Model.Functions[i]), _parameters[i]);
            body.SetImplementationFlags(MethodImplAttributes.NoInlining);
            StubEmitter.LargeFrame(this, i, frame, body, il);
            il = body.GetILGenerator();
        }

        new FunctionEmitter(this, i, facts, il).Emit();
    }

    private void Stub(MethodBuilder method, Action<ILGenerator> emit)
    {
        var il = method.GetILGenerator();
        Budget.Begin();
        emit(il);
        Budget.Reach(il.ILOffset, -1);
    }

    private static Type Result(FunctionType type) =>
        type.Results.Length == 0 ? typeof(void) : ClrTypes.Of(type.Results[0]);

    private MethodBuilder Method(string name, Type result, Type[] parameters) =>
        _type.DefineMethod(name, MethodAttributes.Public | MethodAttributes.Static, result, parameters);

    private MethodBuilder ThunkMethod(int i)
    {
        var invoke = DelegateTypes.Of(Model.Functions[i]).GetMethod("Invoke")!;
        return Method("t" + i, invoke.ReturnType,
            [typeof(ManagedInstance), .. invoke.GetParameters().Select(p => p.ParameterType)]);
    }

    /// <summary>Functions that the host may call.</summary>
    private static SortedSet<int> Called(ModuleModel model)
    {
        var called = new SortedSet<int>();
        foreach (var export in model.Exports)
            if (export.Kind == ExternKind.Function) called.Add(export.Index);
        if (model.StartOffset >= 0) called.Add(model.Start);
        return called;
    }

    /// <summary>Functions that can be seen from outside of direct calls.</summary>
    private static SortedSet<int> Referenced(ModuleModel model)
    {
        var referenced = Called(model);
        foreach (var value in model.GlobalValues)
            if (value.Op == Opcodes.RefFunc) referenced.Add((int)value.Bits);
        referenced.UnionWith(model.ElementFunctions());
        return referenced;
    }
}
