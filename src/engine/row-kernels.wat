;; Sums of rows of a matrix, the gradient of such sums, and Adam on the rows that have one.
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
    (local $row i32) (local $unit i32) (local $at i32) (local $end i32) (local $sum v128) (local $value v128)
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $count)))
        (local.set $value (v128.load32_splat (i32.add (local.get $values) (i32.shl (local.get $row) (i32.const 2)))))
        (local.set $unit (i32.const 0))
        (loop $units
          (local.set $sum (v128.const i32x4 0 0 0 0))
          (local.set $at (call $address (local.get $columns) (local.get $starts) (local.get $row)))
          (local.set $end (call $address (local.get $columns) (local.get $starts) (i32.add (local.get $row) (i32.const 1))))
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
          (v128.store (i32.add (local.get $out) (local.get $unit)) (f32x4.mul (local.get $sum) (local.get $value)))
          (local.set $unit (i32.add (local.get $unit) (i32.const 16)))
          (br_if $units (i32.lt_u (local.get $unit) (local.get $stride))))
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

  ;; The gradient of the matrix from that of the sums. It lists the rows that have one in `touched`, in the order in which
  ;; they are first selected, and their gradients in `gradient`. `index` holds -1 for each row of the matrix, before and
  ;; after. Returns the number of rows in the list.
  (func (export "gather")
    (param $stride i32)
    (param $columns i32) (param $starts i32) (param $values i32) (param $count i32)
    (param $ofSums i32) (param $index i32) (param $touched i32) (param $gradient i32)
    (result i32)
    (local $row i32) (local $unit i32) (local $at i32) (local $end i32) (local $value v128)
    (local $entry i32) (local $slot i32) (local $length i32)
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $count)))
        (local.set $value (v128.load32_splat (i32.add (local.get $values) (i32.shl (local.get $row) (i32.const 2)))))
        (local.set $at (call $address (local.get $columns) (local.get $starts) (local.get $row)))
        (local.set $end (call $address (local.get $columns) (local.get $starts) (i32.add (local.get $row) (i32.const 1))))
        (block $added
          (loop $parts
            (br_if $added (i32.ge_u (local.get $at) (local.get $end)))
            (local.set $entry (i32.add (local.get $index) (i32.shl (i32.load (local.get $at)) (i32.const 2))))
            (if (i32.eq (i32.load (local.get $entry)) (i32.const -1))
              (then
                (i32.store (local.get $entry) (local.get $length))
                (i32.store
                  (i32.add (local.get $touched) (i32.shl (local.get $length) (i32.const 2)))
                  (i32.load (local.get $at)))
                (memory.fill
                  (i32.add (local.get $gradient) (i32.mul (local.get $length) (local.get $stride)))
                  (i32.const 0)
                  (local.get $stride))
                (local.set $length (i32.add (local.get $length) (i32.const 1)))))
            (local.set $slot
              (i32.add (local.get $gradient) (i32.mul (i32.load (local.get $entry)) (local.get $stride))))
            (local.set $unit (i32.const 0))
            (loop $units
              (v128.store
                (i32.add (local.get $slot) (local.get $unit))
                (f32x4.add
                  (v128.load (i32.add (local.get $slot) (local.get $unit)))
                  (f32x4.mul (v128.load (i32.add (local.get $ofSums) (local.get $unit))) (local.get $value))))
              (local.set $unit (i32.add (local.get $unit) (i32.const 16)))
              (br_if $units (i32.lt_u (local.get $unit) (local.get $stride))))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (br $parts)))
        (local.set $ofSums (i32.add (local.get $ofSums) (local.get $stride)))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $rows)))
    (local.set $row (i32.const 0))
    (block $reset
      (loop $entries
        (br_if $reset (i32.ge_u (local.get $row) (local.get $length)))
        (i32.store
          (i32.add
            (local.get $index)
            (i32.shl
              (i32.load (i32.add (local.get $touched) (i32.shl (local.get $row) (i32.const 2))))
              (i32.const 2)))
          (i32.const -1))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $entries)))
    (local.get $length))

  ;; m += rate1 (g - m), v += rate2 (g² - v), w -= stepSize · m / (√v + epsilon), in the touched rows
  (func (export "adam")
    (param $weights i32) (param $first i32) (param $second i32) (param $stride i32)
    (param $touched i32) (param $length i32) (param $gradient i32)
    (param $rate1 f32) (param $rate2 f32) (param $stepSize f32) (param $epsilon f32)
    (local $row i32) (local $at i32) (local $end i32) (local $own v128) (local $mean v128) (local $square v128)
    (block $done
      (loop $rows
        (br_if $done (i32.ge_u (local.get $row) (local.get $length)))
        (local.set $at
          (i32.mul
            (i32.load (i32.add (local.get $touched) (i32.shl (local.get $row) (i32.const 2))))
            (local.get $stride)))
        (local.set $end (i32.add (local.get $at) (local.get $stride)))
        (loop $units
          (local.set $own (v128.load (local.get $gradient)))
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
          (local.set $gradient (i32.add (local.get $gradient) (i32.const 16)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $units (i32.lt_u (local.get $at) (local.get $end))))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (br $rows)))))
