#!/usr/bin/env bash
# Rebuilds the checked-in .wasm files (clang and lld of LLVM 14 or later).
set -euo pipefail
cd "$(dirname "$0")"
flags=(--target=wasm32 -O2 -nostdlib -ffreestanding -fno-builtin -Wl,--no-entry -Wl,--strip-all)
clang "${flags[@]}" -o kernels.wasm kernels.c
clang "${flags[@]}" -Wl,-z,stack-size=4096 -Wl,--initial-memory=65536 -Wl,--max-memory=65536 -o small.wasm small.c
chmod -x kernels.wasm small.wasm
