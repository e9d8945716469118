;; Takes memory page by page, writes to each, and gives up only when there is no more.
(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
  (func $hoard (export "run") (param i32 i32) (result i32)
    (local $pages i32)
    (loop $again
      (local.set $pages (memory.grow (i32.const 1)))
      (if (i32.eq (local.get $pages) (i32.const -1)) (then (unreachable)))
      (i32.store8 (i32.mul (local.get $pages) (i32.const 65536)) (i32.const 1))
      (br $again))
    (unreachable)))
