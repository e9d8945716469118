"""Writes a GGUF v3 file of the llama architecture (llama.cpp: docs/gguf.md)."""
import struct

import numpy

UINT32, FLOAT32, BOOL, STRING, ARRAY, INT32 = 4, 6, 7, 8, 9, 5
F32, F16, ALIGN = 0, 1, 32


def text(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def value(v):
    if isinstance(v, bool):
        return struct.pack("<IB", BOOL, v)
    if isinstance(v, int):
        return struct.pack("<II", UINT32, v)
    if isinstance(v, float):
        return struct.pack("<If", FLOAT32, v)
    if isinstance(v, str):
        return struct.pack("<I", STRING) + text(v)
    if isinstance(v[0], str):
        return struct.pack("<IIQ", ARRAY, STRING, len(v)) + b"".join(text(s) for s in v)
    return struct.pack("<IIQ", ARRAY, INT32, len(v)) + struct.pack(f"<{len(v)}i", *v)


def write(path, metadata, tensors):
    """tensors: list of (name, numpy array); matrices are stored as 16-bit floats, vectors as 32-bit."""
    head = struct.pack("<IIQQ", 0x46554747, 3, len(tensors), len(metadata))
    head += b"".join(text(k) + value(v) for k, v in metadata.items())
    blobs, offset = [], 0
    for name, array in tensors:
        kind, data = (F32, array.astype("<f4")) if array.ndim == 1 else (F16, array.astype("<f2"))
        raw = data.tobytes()
        head += text(name) + struct.pack("<I", array.ndim) + struct.pack(f"<{array.ndim}Q", *reversed(array.shape))
        head += struct.pack("<IQ", kind, offset)
        raw += bytes(-len(raw) % ALIGN)
        blobs.append(raw)
        offset += len(raw)
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % ALIGN))
        for raw in blobs:
            f.write(raw)


def read(path):
    """The merges and the tensors of a file that write() wrote."""
    data = open(path, "rb").read()
    at = 8
    tensor_count, key_count = struct.unpack_from("<QQ", data, at)
    at += 16

    def string():
        nonlocal at
        length, = struct.unpack_from("<Q", data, at)
        at += 8 + length
        return data[at - length:at].decode()

    merges = []
    for _ in range(key_count):
        key = string()
        kind, = struct.unpack_from("<I", data, at)
        at += 4
        if kind == STRING:
            string()
        elif kind == ARRAY:
            element, count = struct.unpack_from("<IQ", data, at)
            at += 12
            values = [string() for _ in range(count)] if element == STRING else None
            at += 0 if values is not None else 4 * count
            if key == "tokenizer.ggml.merges":
                merges = values
        else:
            at += 1 if kind == BOOL else 4
    plans = []
    for _ in range(tensor_count):
        name = string()
        dims, = struct.unpack_from("<I", data, at)
        shape = struct.unpack_from(f"<{dims}Q", data, at + 4)
        kind, offset = struct.unpack_from("<IQ", data, at + 4 + 8 * dims)
        at += 16 + 8 * dims
        plans.append((name, tuple(reversed(shape)), kind, offset))
    at += -at % ALIGN
    return merges, {
        name: numpy.frombuffer(data, "<f4" if kind == F32 else "<f2", int(numpy.prod(shape)), at + offset).reshape(shape)
        for name, shape, kind, offset in plans}
