;; Lies to the host about its memory; the first byte of its input says how.
(module
  (import "agentruntime:agent/memory@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/memory@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/memory@0.1.0" "list-keys" (func $list (param i32 i32 i32 i32 i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "\ff\fe\fd\fc")
  (data (i32.const 32) "notes")

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 512))

  (func (export "run") (param $input i32) (param $length i32) (result i32)
    block $h block $g block $f block $e block $d block $c block $b block $a
      (br_table $a $b $c $d $e $f $g $h (i32.sub (i32.load8_u (local.get $input)) (i32.const 0x61)))
    end (call $get (i32.const 70000) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 2048)) (unreachable)
    end (call $get (i32.const 32) (i32.const 5) (i32.const 16) (i32.const 4) (i32.const 2048)) (unreachable)
    end (call $get (i32.const 32) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 65500)) (unreachable)
    end (call $get (i32.const 32) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 2049)) (unreachable)
    end
      (call $set (i32.const 32) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 65530) (i32.const 7)
        (i32.const 2048))
      (unreachable)
    end
      (call $set (i32.const 32) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 64) (i32.const -1)
        (i32.const 2048))
      (unreachable)
    end
      (call $list (i32.const 32) (i32.const 5) (i32.const 7) (i32.const 32) (i32.const 5) (i32.const 2048))
      (unreachable)
    end
      (call $list (i32.const 32) (i32.const 5) (i32.const 1) (i32.const 65535) (i32.const 5) (i32.const 2048))
      (unreachable)))
