using System.Runtime.CompilerServices;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Instances;

namespace AgentRuntime.Sandboxes.Managed.Runtime;

/// <summary>The only way from emitted code to tables and function references. Every accessor checks its
/// index.</summary>
internal static class TableAccess
{
    private const long ElementBytes = 8;

    /// <summary>
    /// The code of a table element, after the checks of <c>call_indirect</c>. Emitted code casts it to the delegate
    /// type of its own signature, so that a wrong type here would fail there and not be called.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Delegate Resolve(int index, ManagedInstance instance, int table, int type, int at)
    {
        var places = instance.Tables[table].Places;
        if ((uint)index >= (uint)places.Length) Traps.TableOutOfBounds(at);
        var element = places[index];
        if (element is not FunctionReference function)
        {
            if (index >= instance.Tables[table].Length) Traps.TableOutOfBounds(at);
            Traps.Uninitialized(at);
            return null!;
        }

        var expected = instance.Types[type];
        if (!ReferenceEquals(function.Type, expected)) CompareTypes(function.Type, expected, at);
        return function.Code;
    }

    /// <summary>Types of one module are one object when equal; only between modules contents are compared.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CompareTypes(FunctionType actual, FunctionType expected, int at)
    {
        if (!actual.Equals(expected)) Traps.TypeMismatch(at);
    }

    public static object? Get(int index, ManagedInstance instance, int table, int at)
    {
        var elements = instance.Tables[table].Elements;
        if ((uint)index >= (uint)elements.Length) Traps.TableOutOfBounds(at);
        return elements[index];
    }

    public static void Set(int index, object? value, ManagedInstance instance, int table, int at)
    {
        var elements = instance.Tables[table].Elements;
        if ((uint)index >= (uint)elements.Length) Traps.TableOutOfBounds(at);
        elements[index] = value;
    }

    public static int Size(ManagedInstance instance, int table) => instance.Tables[table].Length;

    public static int Grow(object? value, int count, ManagedInstance instance, int table, int at)
    {
        if (!instance.MayGrow(instance.Tables[table], count)) return -1;
        Frames.Bulk(instance, count * ElementBytes, at);
        return instance.GrowTable(instance.Tables[table], value, count);
    }

    public static void Fill(int start, object? value, int count, ManagedInstance instance, int table, int at)
    {
        var elements = instance.Tables[table].Elements;
        if ((ulong)(uint)start + (uint)count > (ulong)elements.Length) Traps.TableOutOfBounds(at);
        Frames.Bulk(instance, count * ElementBytes, at);
        elements.Slice(start, count).Fill(value);
    }

    public static void Copy(int destination, int source, int count, ManagedInstance instance, int to, int from, int at)
    {
        var target = instance.Tables[to].Elements;
        var origin = instance.Tables[from].Elements;
        if ((ulong)(uint)source + (uint)count > (ulong)origin.Length
            || (ulong)(uint)destination + (uint)count > (ulong)target.Length)
        {
            Traps.TableOutOfBounds(at);
        }

        Frames.Bulk(instance, count * ElementBytes, at);
        origin.Slice(source, count).CopyTo(target[destination..]);
    }

    public static void Init(int destination, int source, int count, ManagedInstance instance, int segment, int table,
        int at)
    {
        var target = instance.Tables[table].Elements;
        var items = instance.ElementSegment(segment);
        if ((ulong)(uint)source + (uint)count > (ulong)items.Length
            || (ulong)(uint)destination + (uint)count > (ulong)target.Length)
        {
            Traps.TableOutOfBounds(at);
        }

        Frames.Bulk(instance, count * ElementBytes, at);
        instance.Evaluate(items.Slice(source, count), target[destination..]);
    }

    public static void DropElements(ManagedInstance instance, int segment) => instance.DropElements(segment);

    public static object Function(ManagedInstance instance, int function) => instance.Reference(function);

    public static int IsNull(object? value) => value is null ? 1 : 0;
}
