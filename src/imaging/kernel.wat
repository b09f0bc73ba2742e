;; The three inner loops over samples, 16 samples (2 payload bytes) per step, and Adler-32. In plain JavaScript they cost
;; 4.5 (embed), 1.3 (differs) and 8 (adler) ns per secret byte, here under 1 each. kernel.ts says what each one does;
;; kernel-bytes.cjs assembles them.
(module
  (func $embed (export "embed") (param $cover i32) (param $payload i32) (param $out i32) (param $pairs i32)
    (block $none
      (br_if $none (i32.eqz (local.get $pairs)))
      (loop $step
        (v128.store align=1
          (local.get $out)
          (v128.bitselect
            ;; Payload byte 0 in lanes 0 to 7, byte 1 in lanes 8 to 15; a lane has all bits set if its payload bit is 1,
            ;; the most significant bit first.
            (i8x16.eq
              (v128.and
                (i8x16.swizzle
                  (v128.load16_splat align=1 (local.get $payload))
                  (v128.const i8x16 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1))
                (v128.const i8x16 0x80 0x40 0x20 0x10 8 4 2 1 0x80 0x40 0x20 0x10 8 4 2 1))
              (v128.const i8x16 0x80 0x40 0x20 0x10 8 4 2 1 0x80 0x40 0x20 0x10 8 4 2 1))
            (v128.load align=1 (local.get $cover))
            (v128.const i8x16 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1)))
        (local.set $cover (i32.add (local.get $cover) (i32.const 16)))
        (local.set $payload (i32.add (local.get $payload) (i32.const 2)))
        (local.set $out (i32.add (local.get $out) (i32.const 16)))
        (br_if $step (local.tee $pairs (i32.sub (local.get $pairs) (i32.const 1)))))))

  (func $differs (export "differs") (param $samples i32) (param $payload i32) (param $pairs i32) (result i32)
    (local $wrong v128)
    (block $none
      (br_if $none (i32.eqz (local.get $pairs)))
      (loop $step
        (local.set $wrong
          (v128.or
            (v128.and
              (v128.xor
                (i8x16.eq ;; as in $embed
                  (v128.and
                    (i8x16.swizzle
                      (v128.load16_splat align=1 (local.get $payload))
                      (v128.const i8x16 0 0 0 0 0 0 0 0 1 1 1 1 1 1 1 1))
                    (v128.const i8x16 0x80 0x40 0x20 0x10 8 4 2 1 0x80 0x40 0x20 0x10 8 4 2 1))
                  (v128.const i8x16 0x80 0x40 0x20 0x10 8 4 2 1 0x80 0x40 0x20 0x10 8 4 2 1))
                (v128.load align=1 (local.get $samples)))
              (v128.const i8x16 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1))
            (local.get $wrong)))
        (local.set $samples (i32.add (local.get $samples) (i32.const 16)))
        (local.set $payload (i32.add (local.get $payload) (i32.const 2)))
        (br_if $step (local.tee $pairs (i32.sub (local.get $pairs) (i32.const 1))))))
    (v128.any_true (local.get $wrong)))

  ;; A shift by 7 in 16-bit lanes moves the low bit of both bytes to their top.
  (func $extract (export "extract") (param $samples i32) (param $payload i32) (param $pairs i32)
    (block $none
      (br_if $none (i32.eqz (local.get $pairs)))
      (loop $step
        (i32.store16 align=1
          (local.get $payload)
          (i8x16.bitmask
            (i8x16.swizzle
              (i16x8.shl (v128.load align=1 (local.get $samples)) (i32.const 7))
              (v128.const i8x16 7 6 5 4 3 2 1 0 15 14 13 12 11 10 9 8))))
        (local.set $samples (i32.add (local.get $samples) (i32.const 16)))
        (local.set $payload (i32.add (local.get $payload) (i32.const 2)))
        (br_if $step (local.tee $pairs (i32.sub (local.get $pairs) (i32.const 1)))))))

  (func $adler (export "adler") (param $bytes i32) (param $steps i32) (param $a i32) (param $b i32) (result i32)
    (local $v v128)
    (local $sum v128) ;; of the bytes
    (local $before v128) ;; the sums of the earlier steps
    (local $weighted v128) ;; in each step 16 × the first byte … 1 × the last one
    (local.set $b
      (i32.add (local.get $b) (i32.mul (local.get $a) (i32.mul (local.get $steps) (i32.const 16)))))
    (block $none
      (br_if $none (i32.eqz (local.get $steps)))
      (loop $step
        (local.set $before (i32x4.add (local.get $before) (local.get $sum)))
        (local.set $sum
          (i32x4.add
            (i32x4.extadd_pairwise_i16x8_u
              (i16x8.extadd_pairwise_i8x16_u (local.tee $v (v128.load align=1 (local.get $bytes)))))
            (local.get $sum)))
        (local.set $weighted
          (i32x4.add
            (i32x4.add
              (i32x4.extadd_pairwise_i16x8_u
                (i16x8.extmul_low_i8x16_u
                  (local.get $v)
                  (v128.const i8x16 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1)))
              (i32x4.extadd_pairwise_i16x8_u
                (i16x8.extmul_high_i8x16_u
                  (local.get $v)
                  (v128.const i8x16 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1))))
            (local.get $weighted)))
        (local.set $bytes (i32.add (local.get $bytes) (i32.const 16)))
        (br_if $step (local.tee $steps (i32.sub (local.get $steps) (i32.const 1))))))
    (i32.or
      (i32.shl
        (i32.rem_u
          (i32.add
            (i32.add (i32.mul (call $lanes (local.get $before)) (i32.const 16)) (call $lanes (local.get $weighted)))
            (local.get $b))
          (i32.const 65521))
        (i32.const 16))
      (i32.rem_u (i32.add (local.get $a) (call $lanes (local.get $sum))) (i32.const 65521))))

  (func $lanes (param $v v128) (result i32)
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $v)) (i32x4.extract_lane 1 (local.get $v)))
      (i32.add (i32x4.extract_lane 2 (local.get $v)) (i32x4.extract_lane 3 (local.get $v)))))

  (memory (export "memory") 8 8))
