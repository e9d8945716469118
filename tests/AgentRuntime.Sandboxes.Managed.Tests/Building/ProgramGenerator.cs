using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Binary;

namespace AgentRuntime.Sandboxes.Managed.Tests.Building;

/// <summary>
/// Random programs that validate and end: typed expressions over locals, globals, memory, direct and indirect calls
/// and an import <c>host.ask: (i32) -> i32</c>. Loops count down; calls go to functions of lower index. NaN payloads
/// never
/// become visible, since engines may differ in them: no float is stored, reinterpreted or copy-signed.
/// </summary>
internal sealed class ProgramGenerator
{
    private const WasmValueType I32 = WasmValueType.I32;
    private const WasmValueType I64 = WasmValueType.I64;
    private const WasmValueType F32 = WasmValueType.F32;
    private const WasmValueType F64 = WasmValueType.F64;
    private const int Locals = 4;

    private static readonly WasmValueType[] Types = [I32, I64, F32, F64];

    private readonly Random _random;
    private readonly ModuleBuilder _module = new();
    private readonly List<(int Index, WasmValueType[] Parameters, WasmValueType Result)> _callable = [];
    private readonly bool _asks;
    private Code _code = new();
    private WasmValueType[] _locals = [];
    private int _counter;
    private int _budget;
    private int _labels;
    private int _tabled;

    private ProgramGenerator(int seed, bool asks)
    {
        _random = new Random(seed);
        _asks = asks;
    }

    /// <summary>A module that exports <c>run: (i32, i64) -> i64</c>, its memory, and some results by other
    /// types.</summary>
    public static byte[] Generate(int seed, bool asks) => new ProgramGenerator(seed, asks).Module();

    private byte[] Module()
    {
        var ask = _module.Type([I32], [I32]);
        if (_asks) _module.ImportFunction("host", "ask", ask);
        _module.Memory(1, 2, "memory").Table(8);
        foreach (var type in Types) _module.Global(type, true, Constant(type).End());
        var count = _random.Next(2, 6);
        for (var i = 0; i < count; i++)
        {
            WasmValueType[] parameters = [.. Enumerable.Range(0, _random.Next(0, 4)).Select(_ => Any())];
            Function(parameters, i == 0 ? I32 : Any(), null);
        }

        _tabled = _callable.Count;
        _module.Elements(0, [.. _callable.Select(c => c.Index).Take(8)]);
        Function([I32, I64], I64, "run");
        Function([F64], F64, "runf");
        return _module.Build();
    }

    private WasmValueType Any() => Types[_random.Next(Types.Length)];

    private void Function(WasmValueType[] parameters, WasmValueType result, string? export)
    {
        WasmValueType[] own = [.. Enumerable.Range(0, Locals).Select(_ => Any())];
        _locals = [.. parameters, .. own];
        _code = new Code();
        foreach (var local in own) _code.Locals(1, local);
        _counter = _locals.Length;
        _code.Locals(3, I32);
        _budget = 60;
        _labels = 0;
        for (var i = _random.Next(2, 6); i > 0; i--) Statement(3);
        Expression(result, 4);
        var index = _module.Function(_module.Type(parameters, [result]), _code.End(), export);
        _callable.Add((index, parameters, result));
    }

    private void Statement(int depth)
    {
        if (_budget-- <= 0) return;
        switch (_random.Next(depth > 0 ? 9 : 5))
        {
            case 0 or 1:
                var local = _random.Next(_locals.Length);
                Expression(_locals[local], depth + 1);
                _code.Set(local);
                break;
            case 2:
                var global = _random.Next(Types.Length);
                Expression(Types[global], depth + 1);
                _code.With(Opcodes.GlobalSet, (uint)global);
                break;
            case 3 or 4: Store(depth); break;
            case 5:
                Expression(I32, depth);
                _code.If();
                _labels++;
                Statement(depth - 1);
                if (_random.Next(2) == 0)
                {
                    _code.Else();
                    Statement(depth - 1);
                }

                _labels--;
                _code.End();
                break;
            case 6: Loop(depth); break;
            case 7:
                _code.Block();
                _labels++;
                Statement(depth - 1);
                Expression(I32, depth);
                _code.BrIf(0);
                Statement(depth - 1);
                _labels--;
                _code.End();
                break;
            default: Table(depth); break;
        }
    }

    private void Loop(int depth)
    {
        if (_counter >= _locals.Length + 3) return;
        var counter = _counter++;
        _code.I32(_random.Next(1, 5)).Set(counter).Loop();
        Statement(depth - 1);
        Statement(depth - 1);
        _code.Get(counter).I32(1).Op(0x6B).Tee(counter).BrIf(0).End();
    }

    private void Table(int depth)
    {
        var cases = _random.Next(1, 4);
        for (var i = 0; i <= cases; i++) _code.Block();
        Expression(I32, depth);
        _code.I32(7).Op(0x71).With(Opcodes.BrTable,
            [(uint)cases, .. Enumerable.Range(0, cases + 1).Select(i => (uint)i)]);
        for (var i = 0; i <= cases; i++)
        {
            _code.End();
            Statement(depth - 1);
        }
    }

    /// <summary>Within the first page, or now and then anywhere.</summary>
    private void Address(int depth)
    {
        Expression(I32, depth - 1);
        if (_random.Next(200) != 0) _code.I32(0xFFF).Op(0x71);
    }

    private void Store(int depth)
    {
        Address(depth);
        var wide = _random.Next(2) == 0;
        Expression(wide ? I64 : I32, depth);
        int[] stores = wide ? [0x37, 0x3C, 0x3D, 0x3E] : [0x36, 0x3A, 0x3B];
        _code.With(stores[_random.Next(stores.Length)], 0, (uint)_random.Next(64));
    }

    private void Expression(WasmValueType type, int depth)
    {
        if (depth <= 0 || _budget-- <= 0)
        {
            Leaf(type);
            return;
        }

        if (_asks && type == I32 && _random.Next(5) == 0)
        {
            Expression(I32, depth - 1);
            _code.Call(0);
            return;
        }

        switch (_random.Next(12))
        {
            case 0: Leaf(type); break;
            case 1: Load(type, depth); break;
            case 2: Invoke(type, depth); break;
            case 3:
                Expression(I32, depth - 1);
                _code.If(type);
                Expression(type, depth - 1);
                _code.Else();
                Expression(type, depth - 1);
                _code.End();
                break;
            case 4:
                Expression(type, depth - 1);
                Expression(type, depth - 1);
                Expression(I32, depth - 1);
                _code.Op(0x1B);
                break;
            case 5: Convert(type, depth); break;
            default: Operate(type, depth); break;
        }
    }

    private void Leaf(WasmValueType type)
    {
        var candidates = Enumerable.Range(0, _locals.Length).Where(i => _locals[i] == type).ToArray();
        switch (_random.Next(3))
        {
            case 0 when candidates.Length > 0: _code.Get(candidates[_random.Next(candidates.Length)]); break;
            case 1: _code.With(Opcodes.GlobalGet, (uint)Array.IndexOf(Types, type)); break;
            default: _code.Op(Constant(type).Bytes); break;
        }
    }

    private Code Constant(WasmValueType type)
    {
        long[] special = [0, 1, -1, 2, 31, 63, 0x7F, 0xFF, 0x8000, int.MaxValue, int.MinValue, long.MaxValue,
            long.MinValue];
        var value = _random.Next(3) == 0 ? special[_random.Next(special.Length)] : _random.NextInt64();
        double[] floats = [0, -0.0, 1, -1, 0.5, 1e10, -1e10, 4294967296.0, double.Epsilon, double.PositiveInfinity,
            3.25];
        var real = _random.Next(2) == 0 ? floats[_random.Next(floats.Length)] : (_random.NextDouble() - 0.5) * 1e6;
        return type switch
        {
            I32 => new Code().I32((int)value),
            I64 => new Code().I64(value),
            F32 => new Code().F32((float)real),
            _ => new Code().F64(real),
        };
    }

    private void Load(WasmValueType type, int depth)
    {
        Address(depth);
        int[] loads = type switch
        {
            I32 => [0x28, 0x2C, 0x2D, 0x2E, 0x2F],
            I64 => [0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35],
            F32 => [0x2A],
            _ => [0x2B],
        };
        _code.With(loads[_random.Next(loads.Length)], 0, (uint)_random.Next(64));
    }

    private void Invoke(WasmValueType type, int depth)
    {
        var fitting = _callable.Where(c => c.Result == type).ToArray();
        if (fitting.Length == 0)
        {
            Leaf(type);
            return;
        }

        var (index, parameters, _) = fitting[_random.Next(fitting.Length)];
        foreach (var parameter in parameters) Expression(parameter, depth - 1);
        var slot = _callable.FindIndex(c => c.Index == index);
        if (_random.Next(2) == 0 && (slot < _tabled || _random.Next(30) == 0))
            _code.I32(slot).With(Opcodes.CallIndirect, (uint)_module.Type(parameters, [type]), 0);
        else _code.Call(index);
    }

    private void Convert(WasmValueType type, int depth)
    {
        (int Op, WasmValueType From)[] choices = type switch
        {
            I32 => [(0xA7, I64), (0xC0, I32), (0xC1, I32), (0xFC00, F32), (0xFC03, F64), (0xFC01, F32), (0xA8, F32),
                (0x50, I64), (0xA7, I64)],
            I64 => [(0xAC, I32), (0xAD, I32), (0xC2, I64), (0xC3, I64), (0xC4, I64), (0xFC04, F32), (0xFC07, F64),
                (0xB0, F64)],
            F32 => [(0xB2, I32), (0xB3, I32), (0xB4, I64), (0xB5, I64), (0xB6, F64)],
            _ => [(0xB7, I32), (0xB8, I32), (0xB9, I64), (0xBA, I64), (0xBB, F32)],
        };
        var (op, from) = choices[_random.Next(choices.Length)];
        // Those that trap on most floats, seldom.
        if (op is 0xA8 or 0xB0 && _random.Next(20) != 0) (op, from) = choices[0];
        Expression(from, depth - 1);
        _code.With(op);
    }

    private void Operate(WasmValueType type, int depth)
    {
        if (type == I32 && _random.Next(3) == 0)
        {
            var operands = Any();
            var (first, last) = operands switch { I32 => (0x46, 0x4F), I64 => (0x51, 0x5A), F32 => (0x5B, 0x60),
                _ => (0x61, 0x66) };
            Expression(operands, depth - 1);
            Expression(operands, depth - 1);
            _code.With(_random.Next(first, last + 1));
            return;
        }

        var unary = _random.Next(4) == 0;
        Expression(type, depth - 1);
        if (!unary) Expression(type, depth - 1);
        var op = type switch
        {
            I32 => unary ? _random.Next(0x67, 0x6A) : _random.Next(0x6A, 0x79),
            I64 => unary ? _random.Next(0x79, 0x7C) : _random.Next(0x7C, 0x8B),
            F32 => unary ? _random.Next(0x8B, 0x92) : _random.Next(0x92, 0x98),
            _ => unary ? _random.Next(0x99, 0xA0) : _random.Next(0xA0, 0xA6),
        };
        // Division by zero, seldom.
        var divides = !unary && op is (>= 0x6D and <= 0x70) or (>= 0x7F and <= 0x82);
        if (divides && _random.Next(30) != 0)
            _code.Op((type == I32 ? new Code().I32(1).Op(0x72) : new Code().I64(1).Op(0x84)).Bytes);
        _code.With(op);
    }
}
