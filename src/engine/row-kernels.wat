;; Sums of rows of a matrix, and Adam on the rows that the gradient of such sums reaches.
;;
;; All numbers are 32-bit floats or integers. A row has `stride` bytes, a multiple of 16. `columns`, `starts` and `values`
;; are those of `RowSelection`. Other arguments that are not numbers are addresses.
(module
  (memory (export "memory") 1)

  ;; out[r] = values[r] · Σ matrix[c], over the columns c of the selected row r
  (func (export "sums")
    (param $matrix i32) (param $stride i32)
    (param $columns i32) (param $starts i32) (param $values i32) (param $count i32)
    (param $out i32)
    (local $row i32)
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $count)))
        (call $add
          (local.get $matrix)
          (local.get $stride)
          (call $address (local.get $columns) (local.get $starts) (local.get $row))
          (call $address (local.get $columns) (local.get $starts) (i32.add (local.get $row) (i32.const 1)))
          (local.get $out))
        (call $scale (local.get $out) (local.get $stride) (local.get $values) (local.get $row))
        (local.set $out (i32.add (local.get $out) (local.get $stride)))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $rows))))

  ;; The address of the first column of a selected row.
  (func $address (param $columns i32) (param $starts i32) (param $row i32) (result i32)
    (i32.add
      (local.get $columns)
      (i32.shl
        (i32.load (i32.add (local.get $starts) (i32.shl (local.get $row) (i32.const 2))))
        (i32.const 2))))

  ;; out = Σ matrix[n], over the numbers n from `begin` to `end`. Four vectors at once are a line of the processor's cache,
  ;; which a sum over many rows then reads once.
  (func $add (param $matrix i32) (param $stride i32) (param $begin i32) (param $end i32) (param $out i32)
    (local $unit i32) (local $at i32) (local $from i32)
    (local $sum v128) (local $sum2 v128) (local $sum3 v128) (local $sum4 v128)
    (block $last
      (loop $lines
        (br_if $last (i32.gt_u (i32.add (local.get $unit) (i32.const 64)) (local.get $stride)))
        (local.set $sum (v128.const i32x4 0 0 0 0))
        (local.set $sum2 (v128.const i32x4 0 0 0 0))
        (local.set $sum3 (v128.const i32x4 0 0 0 0))
        (local.set $sum4 (v128.const i32x4 0 0 0 0))
        (local.set $at (local.get $begin))
        (block $summed
          (loop $parts
            (br_if $summed (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $from
              (i32.add
                (i32.add (local.get $matrix) (local.get $unit))
                (i32.mul (i32.load (local.get $at)) (local.get $stride))))
            (local.set $sum (f32x4.add (local.get $sum) (v128.load (local.get $from))))
            (local.set $sum2 (f32x4.add (local.get $sum2) (v128.load offset=16 (local.get $from))))
            (local.set $sum3 (f32x4.add (local.get $sum3) (v128.load offset=32 (local.get $from))))
            (local.set $sum4 (f32x4.add (local.get $sum4) (v128.load offset=48 (local.get $from))))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br $parts)))
        (local.set $from (i32.add (local.get $out) (local.get $unit)))
        (v128.store (local.get $from) (local.get $sum))
        (v128.store offset=16 (local.get $from) (local.get $sum2))
        (v128.store offset=32 (local.get $from) (local.get $sum3))
        (v128.store offset=48 (local.get $from) (local.get $sum4))
        (local.set $unit (i32.add (local.get $unit) (i32.const 64)))
        (br $lines)))
    (block $done
      (loop $units
        (br_if $done (i32.ge_u (local.get $unit) (local.get $stride)))
        (local.set $sum (v128.const i32x4 0 0 0 0))
        (local.set $at (local.get $begin))
        (block $summed
          (loop $parts
            (br_if $summed (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $sum
              (f32x4.add
                (local.get $sum)
                (v128.load
                  (i32.add
                    (i32.add (local.get $matrix) (local.get $unit))
                    (i32.mul (i32.load (local.get $at)) (local.get $stride))))))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br $parts)))
        (v128.store (i32.add (local.get $out) (local.get $unit)) (local.get $sum))
        (local.set $unit (i32.add (local.get $unit) (i32.const 16)))
        (br $units))))

  ;; Multiplies a row by the value of a number.
  (func $scale (param $at i32) (param $stride i32) (param $values i32) (param $row i32)
    (local $end i32) (local $value v128)
    (local.set $value (v128.load32_splat (i32.add (local.get $values) (i32.shl (local.get $row) (i32.const 2)))))
    (local.set $end (i32.add (local.get $at) (local.get $stride)))
    (loop $units
      (v128.store (local.get $at) (f32x4.mul (v128.load (local.get $at)) (local.get $value)))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (br_if $units (i32.lt_u (local.get $at) (local.get $end)))))

  ;; Turns a selection around. It lists the selected rows of the matrix in `touched`, in the order in which they are first
  ;; selected, and in `owners` the sums that each of them is part of, one row after the other. `ends` holds 0 for each row of
  ;; the matrix before, and after it the address behind the owners of each selected row. Multiplies the gradients of the sums
  ;; by their values. Returns the number of rows in the list.
  (func (export "invert")
    (param $stride i32)
    (param $columns i32) (param $starts i32) (param $values i32) (param $count i32)
    (param $ofSums i32) (param $ends i32) (param $touched i32) (param $owners i32)
    (result i32)
    (local $row i32) (local $at i32) (local $end i32) (local $entry i32) (local $number i32) (local $length i32)
    (local.set $at (local.get $columns))
    (local.set $end (call $address (local.get $columns) (local.get $starts) (local.get $count)))
    (block $counted
      (loop $parts
        (br_if $counted (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $entry (i32.add (local.get $ends) (i32.shl (i32.load (local.get $at)) (i32.const 2))))
        (local.set $number (i32.load (local.get $entry)))
        (if (i32.eqz (local.get $number))
          (then
            (i32.store
              (i32.add (local.get $touched) (i32.shl (local.get $length) (i32.const 2)))
              (i32.load (local.get $at)))
            (local.set $length (i32.add (local.get $length) (i32.const 1)))))
        (i32.store (local.get $entry) (i32.add (local.get $number) (i32.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $parts)))
    ;; From counts to the address of the first owner.
    (local.set $at (local.get $owners))
    (block $placed
      (loop $entries
        (br_if $placed (i32.ge_u (local.get $row) (local.get $length)))
        (local.set $entry (call $address (local.get $ends) (local.get $touched) (local.get $row)))
        (local.set $number (i32.load (local.get $entry)))
        (i32.store (local.get $entry) (local.get $at))
        (local.set $at (i32.add (local.get $at) (i32.shl (local.get $number) (i32.const 2))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $entries)))
    (local.set $row (i32.const 0))
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $count)))
        (call $scale (local.get $ofSums) (local.get $stride) (local.get $values) (local.get $row))
        (local.set $at (call $address (local.get $columns) (local.get $starts) (local.get $row)))
        (local.set $end (call $address (local.get $columns) (local.get $starts) (i32.add (local.get $row) (i32.const 1))))
        (block $added
          (loop $parts
            (br_if $added (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $entry (i32.add (local.get $ends) (i32.shl (i32.load (local.get $at)) (i32.const 2))))
            (local.set $number (i32.load (local.get $entry)))
            (i32.store (local.get $number) (local.get $row))
            (i32.store (local.get $entry) (i32.add (local.get $number) (i32.const 4)))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br $parts)))
        (local.set $ofSums (i32.add (local.get $ofSums) (local.get $stride)))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $rows)))
    (local.get $length))

  ;; m += rate1 (g - m), v += rate2 (g² - v), w -= stepSize · m / (√v + epsilon), in the touched rows. g is the sum of the
  ;; gradients of a row's owners, and `gradient` room for it. `ends` holds 0 for each row afterwards.
  (func (export "adam")
    (param $weights i32) (param $first i32) (param $second i32) (param $stride i32)
    (param $touched i32) (param $length i32) (param $ends i32) (param $owners i32) (param $ofSums i32)
    (param $gradient i32)
    (param $rate1 f32) (param $rate2 f32) (param $stepSize f32) (param $epsilon f32)
    (local $row i32) (local $at i32) (local $end i32) (local $entry i32) (local $from i32)
    (local $own v128) (local $mean v128) (local $square v128)
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $length)))
        (local.set $entry (call $address (local.get $ends) (local.get $touched) (local.get $row)))
        (local.set $end (i32.load (local.get $entry)))
        (i32.store (local.get $entry) (i32.const 0))
        (call $add
          (local.get $ofSums)
          (local.get $stride)
          (local.get $owners)
          (local.get $end)
          (local.get $gradient))
        (local.set $owners (local.get $end))
        (local.set $at
          (i32.mul
            (i32.load (i32.add (local.get $touched) (i32.shl (local.get $row) (i32.const 2))))
            (local.get $stride)))
        (local.set $end (i32.add (local.get $at) (local.get $stride)))
        (local.set $from (local.get $gradient))
        (loop $units
          (local.set $own (v128.load (local.get $from)))
          (local.set $mean (v128.load (i32.add (local.get $first) (local.get $at))))
          (local.set $mean
            (f32x4.add
              (local.get $mean)
              (f32x4.mul (f32x4.splat (local.get $rate1)) (f32x4.sub (local.get $own) (local.get $mean)))))
          (v128.store (i32.add (local.get $first) (local.get $at)) (local.get $mean))
          (local.set $square (v128.load (i32.add (local.get $second) (local.get $at))))
          (local.set $square
            (f32x4.add
              (local.get $square)
              (f32x4.mul
                (f32x4.splat (local.get $rate2))
                (f32x4.sub (f32x4.mul (local.get $own) (local.get $own)) (local.get $square)))))
          (v128.store (i32.add (local.get $second) (local.get $at)) (local.get $square))
          (v128.store
            (i32.add (local.get $weights) (local.get $at))
            (f32x4.sub
              (v128.load (i32.add (local.get $weights) (local.get $at)))
              (f32x4.div
                (f32x4.mul (f32x4.splat (local.get $stepSize)) (local.get $mean))
                (f32x4.add (f32x4.sqrt (local.get $square)) (f32x4.splat (local.get $epsilon))))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $units (i32.lt_u (local.get $at) (local.get $end))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $rows)))))
