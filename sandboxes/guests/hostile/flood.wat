;; Logs a line of 1,000 bytes without end.
(module
  (import "agentruntime:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8192))
  (func $shout (export "run") (param i32 i32) (result i32)
    (memory.fill (i32.const 1024) (i32.const 0x61) (i32.const 1000))
    (loop $again
      (call $log (i32.const 1) (i32.const 1024) (i32.const 1000))
      (br $again))
    (unreachable)))
