;; Joins QuickJS (npm quickjs-wasi) and the agent world. wasm-merge links the two into one module and one memory.
;; JavaScript reaches the world through a few functions with names of one letter, which prelude.js wraps and hides;
;; records are laid out there, in JavaScript, by loads and stores: a script can harm only its own memory.
(module
  (import "quickjs" "memory" (memory 0))
  (import "quickjs" "wasm_malloc" (func $malloc (param i32) (result i32)))
  (import "quickjs" "wasm_free" (func $free (param i32)))
  (import "quickjs" "qjs_init" (func $init (result i32)))
  (import "quickjs" "qjs_eval" (func $eval (param i32 i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_get_global" (func $global_object (result i32)))
  (import "quickjs" "qjs_new_host_function" (func $new_host_function (param i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_set_prop_string" (func $set_property (param i32 i32 i32) (result i32)))
  (import "quickjs" "qjs_new_string" (func $new_string (param i32 i32) (result i32)))
  (import "quickjs" "qjs_new_number" (func $new_number (param f64) (result i32)))
  (import "quickjs" "qjs_get_float64" (func $get_number (param i32) (result f64)))
  (import "quickjs" "qjs_get_string_len" (func $get_string (param i32 i32) (result i32)))
  (import "quickjs" "qjs_free_cstring" (func $free_string (param i32)))
  (import "quickjs" "qjs_free_value" (func $free_value (param i32)))
  (import "quickjs" "qjs_is_job_pending" (func $is_job_pending (result i32)))
  (import "quickjs" "qjs_execute_pending_job" (func $execute_job (result i32)))

  (import "agentruntime:agent/inference@0.1.0" "send" (func $send
    (param i32 i32 i32 i32 i32 i32 i32 i32 f32 i32 i64 i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/tools@0.1.0" "call" (func $call_tool (param i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/tools@0.1.0" "list" (func $list_tools (param i32)))
  (import "agentruntime:agent/memory@0.1.0" "get" (func $memory_get (param i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/memory@0.1.0" "exists" (func $memory_exists (param i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/memory@0.1.0" "list-keys" (func $memory_list (param i32 i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/memory@0.1.0" "set" (func $memory_set (param i32 i32 i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/memory@0.1.0" "delete" (func $memory_delete (param i32 i32 i32 i32 i32)))
  (import "agentruntime:agent/log@0.1.0" "write" (func $log (param i32 i32 i32)))
  (import "agentruntime:agent/timer@0.1.0" "sleep" (func $sleep (param i64 i32)))
  (import "agentruntime:agent/timer@0.1.0" "now" (func $now (result i64)))
  (import "agentruntime:agent/config@0.1.0" "get" (func $config (param i32 i32 i32)))

  (global $input (mut i32) (i32.const 0))
  (global $input_length (mut i32) (i32.const 0))
  (global $result (mut i32) (i32.const 0))

  ;; The functions' names; an index in it is a case of $dispatch.
  (data $names "abtsfmpqghiclwznkry")
  (data $prelude "PRELUDE")
  (data $unsettled "the agent's promise was never settled")

  (func (export "host_interrupt") (result i32) (i32.const 0))
  (func (export "host_module_normalize") (param i32 i32) (result i32) (i32.const 0))
  (func (export "host_module_load") (param i32 i32) (result i32) (i32.const 0))
  (func (export "host_get_timezone_offset") (param i32 i32) (result i32) (i32.const 0))
  (func (export "host_promise_rejection") (param $promise i32) (param $reason i32) (param i32)
    (call $free_value (local.get $promise))
    (call $free_value (local.get $reason)))

  (func $allocate (param $size i32) (result i32)
    (local $block i32)
    (local.set $block (call $malloc (local.get $size)))
    (if (i32.eqz (local.get $block)) (then (unreachable)))
    (memory.fill (local.get $block) (i32.const 0) (local.get $size))
    (local.get $block))

  (func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $block i32)
    (local.set $block (call $allocate (local.get $size)))
    (if (local.get $old) (then
      (memory.copy (local.get $block) (local.get $old)
        (select (local.get $old_size) (local.get $size) (i32.lt_u (local.get $old_size) (local.get $size))))
      (call $free (local.get $old))))
    (local.get $block))

  ;; An argument as an address or a small number.
  (func $arg (param $argv i32) (param $index i32) (result i32)
    (i32.trunc_sat_f64_u (call $number (local.get $argv) (local.get $index))))

  (func $number (param $argv i32) (param $index i32) (result f64)
    (call $get_number
      (i32.load (i32.add (local.get $argv) (i32.shl (local.get $index) (i32.const 2))))))

  ;; A text is passed as the address of its length, which its bytes follow.
  (func $text (param $value i32) (result i32)
    (local $size i32) (local $bytes i32) (local $length i32) (local $copy i32)
    (local.set $size (call $allocate (i32.const 4)))
    (local.set $bytes (call $get_string (local.get $value) (local.get $size)))
    (local.set $length (i32.load (local.get $size)))
    (call $free (local.get $size))
    (if (i32.eqz (local.get $bytes)) (then (local.set $length (i32.const 0))))
    (local.set $copy (call $allocate (i32.add (local.get $length) (i32.const 4))))
    (i32.store (local.get $copy) (local.get $length))
    (memory.copy (i32.add (local.get $copy) (i32.const 4)) (local.get $bytes) (local.get $length))
    (if (local.get $bytes) (then (call $free_string (local.get $bytes))))
    (local.get $copy))

  (func $bytes_of (param $text i32) (result i32) (i32.add (local.get $text) (i32.const 4)))

  ;; The parameters of send, from a block of 64 bytes that JavaScript has filled.
  (func $send_block (param $b i32)
    (call $send
      (i32.load (local.get $b)) (i32.load offset=4 (local.get $b)) (i32.load offset=8 (local.get $b))
      (i32.load offset=12 (local.get $b)) (i32.load offset=16 (local.get $b)) (i32.load offset=20 (local.get $b))
      (i32.load offset=24 (local.get $b)) (i32.load offset=28 (local.get $b)) (f32.load offset=32 (local.get $b))
      (i32.load offset=36 (local.get $b)) (i64.load offset=40 (local.get $b)) (i32.load offset=48 (local.get $b))
      (i32.load offset=52 (local.get $b)) (i32.load offset=56 (local.get $b)) (i32.load offset=60 (local.get $b))
      (i32.load offset=64 (local.get $b))))

  ;; The parameters of a memory function, from a block that JavaScript has filled: the result's address, then the rest.
  (func $memory_block (param $operation i32) (param $b i32)
    block $delete block $set block $list block $exists block $get
      (br_table $get $exists $list $set $delete (local.get $operation))
    end
      (call $memory_get (i32.load offset=4 (local.get $b)) (i32.load offset=8 (local.get $b))
        (i32.load offset=12 (local.get $b)) (i32.load offset=16 (local.get $b)) (i32.load (local.get $b)))
      (return)
    end
      (call $memory_exists (i32.load offset=4 (local.get $b)) (i32.load offset=8 (local.get $b))
        (i32.load offset=12 (local.get $b)) (i32.load offset=16 (local.get $b)) (i32.load (local.get $b)))
      (return)
    end
      (call $memory_list (i32.load offset=4 (local.get $b)) (i32.load offset=8 (local.get $b))
        (i32.load offset=12 (local.get $b)) (i32.load offset=16 (local.get $b)) (i32.load offset=20 (local.get $b))
        (i32.load (local.get $b)))
      (return)
    end
      (call $memory_set (i32.load offset=4 (local.get $b)) (i32.load offset=8 (local.get $b))
        (i32.load offset=12 (local.get $b)) (i32.load offset=16 (local.get $b)) (i32.load offset=20 (local.get $b))
        (i32.load offset=24 (local.get $b)) (i32.load (local.get $b)))
      (return)
    end
    (call $memory_delete (i32.load offset=4 (local.get $b)) (i32.load offset=8 (local.get $b))
      (i32.load offset=12 (local.get $b)) (i32.load offset=16 (local.get $b)) (i32.load (local.get $b))))

  (func $finish (param $failed i32) (param $bytes i32) (param $length i32)
    (global.set $result (call $allocate (i32.const 12)))
    (i32.store8 (global.get $result) (local.get $failed))
    (i32.store offset=4 (global.get $result) (local.get $bytes))
    (i32.store offset=8 (global.get $result) (local.get $length)))

  (func $index_of (param $name i32) (result i32)
    (local $names i32) (local $i i32)
    (local.set $names (call $allocate (i32.const 19)))
    (memory.init $names (local.get $names) (i32.const 0) (i32.const 19))
    (loop $next
      (if (i32.ne (i32.load8_u (i32.add (local.get $names) (local.get $i))) (local.get $name)) (then
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 19))))))
    (call $free (local.get $names))
    (local.get $i))

  ;; Called by QuickJS for every function of ours that a script calls; gives an owned value.
  (func (export "host_call") (param $name i32) (param $name_length i32) (param $this i32) (param $argc i32)
    (param $argv i32) (result i32)
    (local $value i32) (local $a i32) (local $b i32)
    (local.set $a (select (i32.const 0) (local.get $argv) (i32.eqz (local.get $argc))))
    block $done block $memory block $result block $config block $now block $sleep block $log block $list block $call block $send
    block $load8 block $load block $store8 block $store block $alloc block $free block $string block $text
    block $length block $input
      (br_table $input $length $text $string $free $alloc $store $store8 $load $load8 $send $call $list $log $sleep
        $now $config $result $memory $done
        (call $index_of (i32.load8_u (local.get $name))))
    end (return (call $new_number (f64.convert_i32_u (global.get $input))))
    end (return (call $new_number (f64.convert_i32_u (global.get $input_length))))
    end (return (call $new_number (f64.convert_i32_u (call $text (i32.load (local.get $a))))))
    end (return (call $new_string (call $arg (local.get $a) (i32.const 0)) (call $arg (local.get $a) (i32.const 1))))
    end (call $free (call $arg (local.get $a) (i32.const 0))) (br $done)
    end (return (call $new_number (f64.convert_i32_u (call $allocate (call $arg (local.get $a) (i32.const 0))))))
    end (i32.store (call $arg (local.get $a) (i32.const 0)) (call $arg (local.get $a) (i32.const 1))) (br $done)
    end (i32.store8 (call $arg (local.get $a) (i32.const 0)) (call $arg (local.get $a) (i32.const 1))) (br $done)
    end (return (call $new_number (f64.convert_i32_u (i32.load (call $arg (local.get $a) (i32.const 0))))))
    end (return (call $new_number (f64.convert_i32_u (i32.load8_u (call $arg (local.get $a) (i32.const 0))))))
    end (call $send_block (call $arg (local.get $a) (i32.const 0))) (br $done)
    end
      (local.set $value (call $arg (local.get $a) (i32.const 0)))
      (local.set $b (call $arg (local.get $a) (i32.const 1)))
      (call $call_tool (call $bytes_of (local.get $value)) (i32.load (local.get $value))
        (call $bytes_of (local.get $b)) (i32.load (local.get $b)) (call $arg (local.get $a) (i32.const 2)))
      (br $done)
    end (call $list_tools (call $arg (local.get $a) (i32.const 0))) (br $done)
    end
      (local.set $value (call $arg (local.get $a) (i32.const 1)))
      (call $log (call $arg (local.get $a) (i32.const 0)) (call $bytes_of (local.get $value))
        (i32.load (local.get $value)))
      (br $done)
    end
      (call $sleep (i64.trunc_sat_f64_u (call $number (local.get $a) (i32.const 0)))
        (call $arg (local.get $a) (i32.const 1)))
      (br $done)
    end (return (call $new_number (f64.convert_i64_u (call $now))))
    end
      (local.set $value (call $arg (local.get $a) (i32.const 0)))
      (call $config (call $bytes_of (local.get $value)) (i32.load (local.get $value))
        (call $arg (local.get $a) (i32.const 1)))
      (br $done)
    end
      (local.set $value (call $arg (local.get $a) (i32.const 1)))
      (call $finish (call $arg (local.get $a) (i32.const 0)) (call $bytes_of (local.get $value))
        (i32.load (local.get $value)))
      (br $done)
    end (call $memory_block (call $arg (local.get $a) (i32.const 0)) (call $arg (local.get $a) (i32.const 1)))
    end
    (call $new_number (f64.const 0)))

  (func $define_functions
    (local $names i32) (local $name i32) (local $i i32)
    (local.set $names (call $allocate (i32.const 19)))
    (memory.init $names (local.get $names) (i32.const 0) (i32.const 19))
    (local.set $name (call $allocate (i32.const 2)))
    (loop $next
      (i32.store8 (local.get $name) (i32.load8_u (i32.add (local.get $names) (local.get $i))))
      (drop (call $set_property (call $global_object) (local.get $name)
        (call $new_host_function (local.get $name) (i32.const 1) (i32.const 0))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 19)))))

  (func (export "run") (param $input i32) (param $length i32) (result i32)
    (local $source i32)
    (global.set $input (local.get $input))
    (global.set $input_length (local.get $length))
    (if (call $init) (then (unreachable)))
    (call $define_functions)
    (local.set $source (call $allocate (i32.const PRELUDE_LENGTH_1)))
    (memory.init $prelude (local.get $source) (i32.const 0) (i32.const PRELUDE_LENGTH))
    (drop (call $eval (local.get $source) (i32.const PRELUDE_LENGTH) (call $allocate (i32.const 1)) (i32.const 0)))
    (loop $jobs
      (if (call $is_job_pending) (then
        (drop (call $execute_job))
        (br $jobs))))
    (if (i32.eqz (global.get $result)) (then
      (local.set $source (call $allocate (i32.const 37)))
      (memory.init $unsettled (local.get $source) (i32.const 0) (i32.const 37))
      (call $finish (i32.const 1) (local.get $source) (i32.const 37))))
    (global.get $result)))
