using System.Text;
using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Wasmtime.Native;

namespace AgentRuntime.Sandboxes.Wasmtime.Execution;

/// <summary>Turns the library's owned errors and traps into the platform's, and frees them. Stateless.</summary>
internal static unsafe class TrapTranslation
{
    /// <summary>Takes an error: its message, as the library's users read it.</summary>
    public static string TakeError(nint error)
    {
        NativeVector message;
        Api.ErrorMessage(error, &message);
        var text = TakeText(&message);
        Api.ErrorDelete(error);
        return text;
    }

    /// <summary>Takes a trap of an instruction.</summary>
    /// <param name="trap">Owned.</param>
    /// <param name="release">Numbers the codes.</param>
    /// <param name="interrupted">What an interrupt means: who asked for it knows.</param>
    /// <param name="names">Names of functions without one in the name section.</param>
    public static WasmTrapException TakeTrap(
        nint trap, NativeRelease release, TrapKind interrupted, Func<int, string?> names)
    {
        byte code;
        var known = Api.TrapCode(trap, &code) != 0;
        NativeVector frames;
        Api.TrapTrace(trap, &frames);
        WasmTrapException exception;
        if (known && KindOf(code, release) is { } kind)
        {
            exception = new WasmTrapException(kind == TrapKind.Stopped ? interrupted : kind);
        }
        else
        {
            NativeVector message;
            Api.TrapMessage(trap, &message);
            exception = new WasmTrapException(TrapKind.Unreachable, TakeText(&message).TrimEnd('\0'));
        }

        TakeFrames(&frames, exception, names);
        Api.TrapDelete(trap);
        return exception;
    }

    /// <summary>Takes the error that a host function's trap came back as, for the place alone.</summary>
    public static void TakeErrorInto(nint error, WasmTrapException exception, Func<int, string?> names)
    {
        NativeVector frames;
        Api.ErrorTrace(error, &frames);
        TakeFrames(&frames, exception, names);
        Api.ErrorDelete(error);
    }

    /// <summary>The kind of a trap code of wasmtime/trap.h; null of one that no agent's module can meet.</summary>
    public static TrapKind? KindOf(byte code, NativeRelease release) => code switch
    {
        0 => TrapKind.CallStackExhausted,
        1 or 2 => TrapKind.MemoryOutOfBounds,
        3 => TrapKind.TableOutOfBounds,
        4 => TrapKind.UninitializedElement,
        5 => TrapKind.IndirectCallTypeMismatch,
        6 => TrapKind.IntegerOverflow,
        7 => TrapKind.IntegerDivideByZero,
        8 => TrapKind.InvalidConversion,
        9 => TrapKind.Unreachable,
        10 => TrapKind.Stopped,
        _ => code == release.OutOfFuel ? TrapKind.FuelExhausted : null,
    };

    /// <summary>The text of a byte vector that stays its owner's.</summary>
    public static string Text(NativeVector* bytes) =>
        Encoding.UTF8.GetString((byte*)bytes->Data, checked((int)bytes->Size));

    private static string TakeText(NativeVector* bytes)
    {
        var text = Text(bytes);
        Api.ByteVectorDelete(bytes);
        return text;
    }

    // The first frame is the innermost. The frames borrow from the trap or error, which is freed after them.
    private static void TakeFrames(NativeVector* frames, WasmTrapException exception, Func<int, string?> names)
    {
        if (frames->Size > 0 && exception.FunctionIndex < 0)
        {
            var frame = *(nint*)frames->Data;
            exception.FunctionIndex = (int)Api.FrameFunctionIndex(frame);
            var offset = Api.FrameModuleOffset(frame);
            exception.Offset = offset <= int.MaxValue ? (int)offset : -1;
            var name = Api.FrameFunctionName(frame);
            exception.FunctionName = name is null ? names(exception.FunctionIndex) : Text(name);
        }

        Api.FramesDelete(frames);
    }
}
