;; Waits with poll_oneoff as libraries do, and lies to it; the first byte of its input says how. Answers three letters:
;; the error number, how many events there are, and the first event's kind, each counted from 0.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $how (mut i32) (i32.const 0))

  ;; A clock of 250 ms, then standard output, then a descriptor that does not exist, then clock number 7.
  (data (i32.const 64) "\01\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00"
    "\80\b2\e6\0e\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00")
  (data (i32.const 112) "\02\00\00\00\00\00\00\00" "\02\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00")
  (data (i32.const 160) "\03\00\00\00\00\00\00\00" "\01\00\00\00\00\00\00\00" "\09\00\00\00\00\00\00\00")
  (data (i32.const 208) "\04\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\07\00\00\00\00\00\00\00")
  (data (i32.const 512) "\00\00\00\00\20\03\00\00\03\00\00\00")

  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))

  (func $error (result i32)
    (if (i32.eq (global.get $how) (i32.const 115)) (then ;; s: sleeps
      (return (call $poll (i32.const 64) (i32.const 600) (i32.const 1) (i32.const 900)))))
    (if (i32.eq (global.get $how) (i32.const 111)) (then ;; o: a clock and standard output, which is ready
      (return (call $poll (i32.const 64) (i32.const 600) (i32.const 2) (i32.const 900)))))
    (if (i32.eq (global.get $how) (i32.const 100)) (then ;; d: no such descriptor
      (return (call $poll (i32.const 160) (i32.const 600) (i32.const 1) (i32.const 900)))))
    (if (i32.eq (global.get $how) (i32.const 99)) (then ;; c: no such clock
      (return (call $poll (i32.const 208) (i32.const 600) (i32.const 1) (i32.const 900)))))
    (if (i32.eq (global.get $how) (i32.const 110)) (then ;; n: nothing to wait for
      (return (call $poll (i32.const 64) (i32.const 600) (i32.const 0) (i32.const 900)))))
    (if (i32.eq (global.get $how) (i32.const 109)) (then ;; m: more than there may be
      (return (call $poll (i32.const 64) (i32.const 600) (i32.const -1) (i32.const 900)))))
    (if (i32.eq (global.get $how) (i32.const 105)) (then ;; i: input beyond the memory
      (return (call $poll (i32.const 65528) (i32.const 600) (i32.const 1) (i32.const 900)))))
    (if (i32.eq (global.get $how) (i32.const 101)) (then ;; e: events beyond the memory
      (return (call $poll (i32.const 64) (i32.const -32) (i32.const 1) (i32.const 900)))))
    (call $poll (i32.const 64) (i32.const 600) (i32.const 1) (i32.const 65534))) ;; a count that does not fit

  (func (export "run") (param $input i32) (param $length i32) (result i32)
    (global.set $how (i32.load8_u (local.get $input)))
    (i32.store8 (i32.const 800) (i32.add (i32.const 48) (call $error)))
    (i32.store8 (i32.const 801) (i32.add (i32.const 48) (i32.load8_u (i32.const 900))))
    (i32.store8 (i32.const 802) (i32.add (i32.const 48) (i32.load8_u (i32.const 610))))
    (i32.const 512)))
