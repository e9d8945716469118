;; Loops without end, and without calling anything that could notice.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func $spin (export "run") (param i32 i32) (result i32)
    (loop $again (br $again))
    (unreachable)))
