/** Rows of a matrix that are added up, some for each sum. */
export interface RowSelection {
  /** Number of sums. */
  readonly count: number;
  /** The rows of each sum, one sum after the other. A row that is named twice counts twice. */
  readonly columns: Int32Array;
  /** [count + 1], the index in `columns` of the first row of each sum, and the end. */
  readonly starts: Int32Array;
  /** [count], the factor of each sum. */
  readonly values: Float32Array;
}

/** The settings of one step of Adam. */
export interface AdamStep {
  /** 1 − β₁ */
  readonly rate1: number;
  /** 1 − β₂ */
  readonly rate2: number;
  readonly stepSize: number;
  readonly epsilon: number;
}

/** `row-kernels.wat` as WebAssembly, in base64. A test shows what it must be. */
export const MODULE =
  'AGFzbQEAAAABPwZgB39/f39/f38AYAN/f38Bf2AFf39/f38AYAR/f39/AGAJf39/f39/f39/AX9gDn9/f39/f39/f399fX19AAMHBgABAgMEBQUDAQABByEEBm1lbW9yeQIABHN1bXMAAAZpbnZlcnQABARhZGFtAAUKowgGRgEBfwJAA0AgByAFTw0BIAAgASACIAMgBxABIAIgAyAHQQFqEAEgBhACIAYgASAEIAcQAyAGIAFqIQYgB0EBaiEHDAALCwsTACAAIAEgAkECdGooAgBBAnRqC94CAgN/BHsCQANAIAVBwABqIAFLDQH9DAAAAAAAAAAAAAAAAAAAAAAhCP0MAAAAAAAAAAAAAAAAAAAAACEJ/QwAAAAAAAAAAAAAAAAAAAAAIQr9DAAAAAAAAAAAAAAAAAAAAAAhCyACIQYCQANAIAYgA08NASAAIAVqIAYoAgAgAWxqIQcgCCAH/QAEAP3kASEIIAkgB/0ABBD95AEhCSAKIAf9AAQg/eQBIQogCyAH/QAEMP3kASELIAZBBGohBgwACwsgBCAFaiEHIAcgCP0LBAAgByAJ/QsEECAHIAr9CwQgIAcgC/0LBDAgBUHAAGohBQwACwsCQANAIAUgAU8NAf0MAAAAAAAAAAAAAAAAAAAAACEIIAIhBgJAA0AgBiADTw0BIAggACAFaiAGKAIAIAFsav0ABAD95AEhCCAGQQRqIQYMAAsLIAQgBWogCP0LBAAgBUEQaiEFDAALCws9AgF/AXsgAiADQQJ0av0JAgAhBSAAIAFqIQQDQCAAIAD9AAQAIAX95gH9CwQAIABBEGohACAAIARJDQALC54CAQZ/IAEhCiABIAIgBBABIQsCQANAIAogC08NASAGIAooAgBBAnRqIQwgDCgCACENIA1FBEAgByAOQQJ0aiAKKAIANgIAIA5BAWohDgsgDCANQQFqNgIAIApBBGohCgwACwsgCCEKAkADQCAJIA5PDQEgBiAHIAkQASEMIAwoAgAhDSAMIAo2AgAgCiANQQJ0aiEKIAlBAWohCQwACwtBACEJAkADQCAJIARPDQEgBSAAIAMgCRADIAEgAiAJEAEhCiABIAIgCUEBahABIQsCQANAIAogC08NASAGIAooAgBBAnRqIQwgDCgCACENIA0gCTYCACAMIA1BBGo2AgAgCkEEaiEKDAALCyAFIABqIQUgCUEBaiEJDAALCyAOC4cCAgV/A3sCQANAIA4gBU8NASAGIAQgDhABIREgESgCACEQIBFBADYCACAIIAMgByAQIAkQAiAQIQcgBCAOQQJ0aigCACADbCEPIA8gA2ohECAJIRIDQCAS/QAEACETIAEgD2r9AAQAIRQgFCAK/RMgEyAU/eUB/eYB/eQBIRQgASAPaiAU/QsEACACIA9q/QAEACEVIBUgC/0TIBMgE/3mASAV/eUB/eYB/eQBIRUgAiAPaiAV/QsEACAAIA9qIAAgD2r9AAQAIAz9EyAU/eYBIBX94wEgDf0T/eQB/ecB/eUB/QsEACASQRBqIRIgD0EQaiEPIA8gEEkNAAsgDkEBaiEODAALCws=';

interface Kernels {
  readonly memory: {readonly buffer: ArrayBuffer; grow(pages: number): number};
  readonly sums: (...numbers: number[]) => void;
  readonly invert: (...numbers: number[]) => number;
  readonly adam: (...numbers: number[]) => void;
}

/** The used part of a global that neither Node's types nor the language's declare. */
interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {readonly exports: Kernels};
}

/** Bytes of a number. */
const BYTES = 4;
/** Numbers of a vector of WebAssembly. */
const LANES = 4;
const PAGE = 2 ** 16;

/** The most bytes that a matrix with its state may take. WebAssembly addresses 4 GiB. */
const MOST_BYTES = 2 ** 31;

/** True if a matrix of this shape fits into a `TrainedRows`. */
export function fitsRows(rows: number, width: number): boolean {
  return MATRICES * rows * strideOf(width) < MOST_BYTES;
}

/** The weights and the two averages of Adam. */
const MATRICES = 3;

const strideOf = (width: number): number => Math.ceil(width / LANES) * LANES * BYTES;

/**
 * A matrix and its averages of Adam in the memory of WebAssembly. The numbers are the same on all machines.
 */
export class TrainedRows {
  readonly #rows: number;
  readonly #width: number;
  /** Bytes of a row. */
  readonly #stride: number;
  readonly #kernels: Kernels;
  /** Address behind the matrices and the numbers of their rows. */
  readonly #free: number;

  constructor(rows: number, width: number) {
    this.#rows = rows;
    this.#width = width;
    this.#stride = strideOf(width);
    this.#kernels = kernels();
    this.#free = this.#addressOf(MATRICES) + rows * BYTES;
    this.#reserve(this.#free);
  }

  /** Copies a matrix [rows, width] in: 0 the weights, 1 and 2 their averages. */
  write(matrix: 0 | 1 | 2, values: Float32Array): void {
    copyRows(values, this.#width, this.#paddedRows(this.#addressOf(matrix), this.#rows), this.#stride / BYTES);
  }

  /** Copies a matrix out. */
  read(matrix: 0 | 1 | 2): Float32Array {
    return this.#copyOf(this.#addressOf(matrix), this.#rows);
  }

  /** The sums of the selected rows of the weights, [count, width]. */
  sums(selection: RowSelection): Float32Array {
    const {count} = selection;
    const {columns, starts, values, sums} = this.#load(selection);
    this.#kernels.sums(this.#addressOf(0), this.#stride, columns, starts, values, count, sums);
    return this.#copyOf(sums, count);
  }

  /** One step of Adam. It moves only the selected rows. `gradient` is that of their sums, [count, width]. */
  adam(selection: RowSelection, gradient: Float32Array, {rate1, rate2, stepSize, epsilon}: AdamStep): void {
    const {count} = selection;
    const {columns, starts, values, sums, touched, owners, row} = this.#load(selection);
    copyRows(gradient, this.#width, this.#paddedRows(sums, count), this.#stride / BYTES);
    const ends = this.#addressOf(MATRICES);
    const stride = this.#stride;
    const length = this.#kernels.invert(stride, columns, starts, values, count, sums, ends, touched, owners);
    const matrices = [this.#addressOf(0), this.#addressOf(1), this.#addressOf(2)];
    const lists = [touched, length, ends, owners, sums];
    this.#kernels.adam(...matrices, stride, ...lists, row, rate1, rate2, stepSize, epsilon);
  }

  /** The address of a matrix, or of the numbers of its rows behind them. */
  #addressOf(matrix: number): number {
    return matrix * this.#rows * this.#stride;
  }

  /** Copies a selection in. Returns the addresses of its parts, and of memory for what is computed of it. */
  #load({count, columns, starts, values}: RowSelection) {
    const most = Math.min(columns.length, this.#rows);
    let end = this.#free;
    const take = (bytes: number): number => {
      const address = Math.ceil(end / 16) * 16;
      end = address + bytes;
      return address;
    };
    const addresses = {
      columns: take(columns.byteLength),
      starts: take(starts.byteLength),
      values: take(values.byteLength),
      sums: take(count * this.#stride),
      touched: take(most * BYTES),
      owners: take(columns.byteLength),
      row: take(this.#stride),
    };
    this.#reserve(end);
    this.#integers(addresses.columns, columns.length).set(columns);
    this.#integers(addresses.starts, starts.length).set(starts);
    this.#floats(addresses.values, values.length).set(values);
    return addresses;
  }

  #reserve(bytes: number): void {
    const {memory} = this.#kernels;
    const missing = bytes - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  }

  /** Rows with the numbers behind them that fill up the last vector, in the memory itself. */
  #paddedRows(address: number, count: number): Float32Array {
    return this.#floats(address, (count * this.#stride) / BYTES);
  }

  /** The rows at an address, [count, width]. */
  #copyOf(address: number, count: number): Float32Array {
    const values = new Float32Array(count * this.#width);
    copyRows(this.#paddedRows(address, count), this.#stride / BYTES, values, this.#width);
    return values;
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.#kernels.memory.buffer, address, length);
  }

  #integers(address: number, length: number): Int32Array {
    return new Int32Array(this.#kernels.memory.buffer, address, length);
  }
}

let compiled: object | undefined;

/** A memory of its own, and the code of all others: each run would else begin with code that is not yet optimized. */
function kernels(): Kernels {
  const {Instance, Module} = (globalThis as unknown as {WebAssembly: WebAssemblyApi}).WebAssembly;
  compiled ??= new Module(Uint8Array.from(atob(MODULE), character => character.charCodeAt(0)));
  return new Instance(compiled).exports;
}

/** Copies rows of one width into rows of another, and zeros behind them if these are wider. */
function copyRows(from: Float32Array, fromWidth: number, to: Float32Array, toWidth: number): void {
  if (fromWidth === toWidth) {
    to.set(from);
    return;
  }
  to.fill(0);
  const width = Math.min(fromWidth, toWidth);
  for (let row = 0; row * fromWidth < from.length; row++) {
    to.set(from.subarray(row * fromWidth, row * fromWidth + width), row * toWidth);
  }
}
