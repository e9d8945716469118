;; Returns what it finds in its memory before it writes there: "clean", or "dirty" when something was left. Then it
;; fills the memory with a secret and, told so by an input of one byte, grows it first.
(module
  (memory (export "memory") 2)
  (global $mark (mut i32) (i32.const 0))
  (table 4 4 funcref)
  (data (i32.const 16) "clean")
  (data (i32.const 32) "dirty")
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 512))
  (func (export "run") (param i32 i32) (result i32)
    (local $at i32) (local $found i32)
    (if (i32.eq (local.get 1) (i32.const 1)) (then (drop (memory.grow (i32.const 3)))))
    (local.set $at (i32.const 1024))
    (loop $look
      (if (i32.load8_u (local.get $at)) (then (local.set $found (i32.const 1))))
      (i32.store8 (local.get $at) (i32.const 0x5a))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $look (i32.lt_u (local.get $at) (i32.mul (memory.size) (i32.const 65536)))))
    (if (global.get $mark) (then (local.set $found (i32.const 1))))
    (global.set $mark (i32.const 1))
    (i32.store8 (i32.const 256) (i32.const 0))
    (i32.store (i32.const 260) (select (i32.const 32) (i32.const 16) (local.get $found)))
    (i32.store (i32.const 264) (i32.const 5))
    (i32.const 256)))
