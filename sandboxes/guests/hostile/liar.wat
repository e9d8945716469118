;; Lies to the host; the first byte of its input says how.
(module
  (import "agentruntime:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "agentruntime:agent/tools@0.1.0" "call" (func $call (param i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/tools@0.1.0" "list" (func $list (param i32)))
  (import "agentruntime:agent/timer@0.1.0" "sleep" (func $sleep (param i64 i32)))
  (import "agentruntime:agent/config@0.1.0" "get" (func $config (param i32 i32 i32)))
  (import "agentruntime:agent/inference@0.1.0" "send" (func $send
    (param i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i64 i32 i32 i32 i32 i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $realloc (mut i32) (i32.const 0))
  (data (i32.const 16) "\ff\fe\fd\fc")
  (data (i32.const 32) "truth")
  (data (i32.const 64) "\07")

  ;; A message whose role is 9, and one with a content that ends beyond the memory.
  (data (i32.const 128) "\09\00\00\00\20\00\00\00\05\00\00\00")
  (data (i32.const 192) "\01\00\00\00\20\00\00\00\ff\ff\ff\7f")

  ;; A scattered write whose only part ends beyond the memory.
  (data (i32.const 256) "\00\ff\00\00\00\10\00\00")

  ;; Results of run: no such case; a text beyond the memory; a text that is not UTF-8.
  (data (i32.const 320) "\07\00\00\00\20\00\00\00\05\00\00\00")
  (data (i32.const 352) "\00\00\00\00\20\00\00\00\ff\ff\ff\ff")
  (data (i32.const 384) "\00\00\00\00\10\00\00\00\04\00\00\00")

  (func $ask (param $messages i32) (param $count i32) (param $has_model i32) (param $stops i32) (param $stop_count i32)
    (call $send (local.get $messages) (local.get $count)
      (local.get $has_model) (i32.const 32) (i32.const 5)
      (i32.const 0) (i32.const 0) (i32.const 0) (f32.const 0) (i32.const 0) (i64.const 0)
      (local.get $stops) (local.get $stop_count) (i32.const 0) (i32.const 0) (i32.const 2048)))

  ;; 16,000 messages that all name the same 60,000 bytes.
  (func $amplify
    (local $i i32)
    (drop (memory.grow (i32.const 9)))
    (memory.fill (i32.const 4096) (i32.const 0x61) (i32.const 60000))
    (loop $more
      (i32.store (i32.add (i32.const 65540) (i32.mul (local.get $i) (i32.const 32))) (i32.const 4096))
      (i32.store (i32.add (i32.const 65544) (i32.mul (local.get $i) (i32.const 32))) (i32.const 60000))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $more (i32.lt_u (local.get $i) (i32.const 16000))))
    (call $ask (i32.const 65536) (i32.const 16000) (i32.const 0) (i32.const 0) (i32.const 0)))

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (if (i32.eq (global.get $realloc) (i32.const 1)) (then (return (i32.const 0x7ffffff0))))
    (if (i32.eq (global.get $realloc) (i32.const 2)) (then (call $list (i32.const 2048))))
    (if (i32.eq (global.get $realloc) (i32.const 3)) (then (loop $again (br $again))))
    (if (i32.eq (global.get $realloc) (i32.const 4)) (then (return (i32.const 0))))
    (i32.const 512))

  (func $lie_in_realloc (param i32)
    (global.set $realloc (local.get 0))
    (call $call (i32.const 32) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 2048)))

  (func $run (export "run") (param $input i32) (param $length i32) (result i32)
    block $z block $y block $x block $w block $v block $u block $t block $s block $r block $q block $p block $o block $n
    block $m block $l block $k block $j block $i block $h block $g block $f block $e block $d block $c block $b block $a
      (br_table $a $b $c $d $e $f $g $h $i $j $k $l $m $n $o $p $q $r $s $t $u $v $w $x $y $z
        (i32.sub (i32.load8_u (local.get $input)) (i32.const 0x61)))
    end (call $log (i32.const 1) (i32.const 0xfffffff0) (i32.const 64)) (unreachable)
    end (call $log (i32.const 1) (i32.const 32) (i32.const -1)) (unreachable)
    end (call $log (i32.const 9) (i32.const 32) (i32.const 5)) (unreachable)
    end (call $log (i32.const 1) (i32.const 16) (i32.const 4)) (unreachable)
    end (call $call (i32.const 70000) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 2048)) (unreachable)
    end (call $call (i32.const 32) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 65500)) (unreachable)
    end (call $call (i32.const 32) (i32.const 5) (i32.const 32) (i32.const 5) (i32.const 2049)) (unreachable)
    end (call $ask (i32.const 65528) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)) (unreachable)
    end (call $ask (i32.const 128) (i32.const 0x08000001) (i32.const 0) (i32.const 0) (i32.const 0)) (unreachable)
    end (call $ask (i32.const 128) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)) (unreachable)
    end (call $ask (i32.const 128) (i32.const 0) (i32.const 7) (i32.const 0) (i32.const 0)) (unreachable)
    end (call $amplify) (unreachable)
    end (call $list (i32.const 65533)) (unreachable)
    end (call $sleep (i64.const 1) (i32.const -4)) (unreachable)
    end (call $config (i32.const 65530) (i32.const 100) (i32.const 2048)) (unreachable)
    end (call $config (i32.const 32) (i32.const 5) (i32.const 65528)) (unreachable)
    end (return (i32.const 0x7ffffffc))
    end (return (i32.const 320))
    end (return (i32.const 352))
    end (drop (call $fd_write (i32.const 1) (i32.const 256) (i32.const 1) (i32.const 2048))) (unreachable)
    end (drop (call $random (i32.const 65535) (i32.const 2))) (unreachable)
    end (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 65532))) (unreachable)
    end (drop (call $environ (i32.const 2048) (i32.const 65535))) (unreachable)
    end (return (i32.const 384))
    end (call $ask (i32.const 192) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0)) (unreachable)
    end
    ;; z and what follows it: the second byte of the input says how cabi_realloc lies.
    (call $lie_in_realloc (i32.sub (i32.load8_u offset=1 (local.get $input)) (i32.const 0x30)))
    (i32.const 384)))
