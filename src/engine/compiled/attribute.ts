import type {Binding, OperationAttribute, TensorValues} from './binding.ts';

/** An attribute of an operation. */
export type Attribute =
  | {readonly kind: 'string'; readonly value: string}
  | {readonly kind: 'int' | 'float'; readonly value: number}
  | {readonly kind: 'bool'; readonly value: boolean}
  /** See `dataTypes`. */
  | {readonly kind: 'type'; readonly value: number}
  | {readonly kind: 'ints' | 'shape'; readonly value: readonly number[]}
  | {readonly kind: 'tensor'; readonly value: Constant};

/** By name. */
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Constant {
  readonly kind: 'constant';
  readonly shape: readonly number[];
  /** See `dataTypes`. */
  readonly dtype: number;
  /** All values, or a single one for all. */
  readonly values: TensorValues;
}

/** TensorFlow's numbers for the types of tensors. */
export const dataTypes = {float32: 1, int32: 3, string: 7, complex64: 8, int64: 9, bool: 10} as const;

/** The attribute `T` of operations on 32-bit floats. */
export const float32: Attribute = {kind: 'type', value: dataTypes.float32};

/** Attributes in the form of the binding. No operation that runs alone has a tensor as an attribute. */
export function toBinding(binding: Binding, attributes: Attributes): OperationAttribute[] {
  const types: Partial<Record<Attribute['kind'], number>> = {
    string: binding.TF_ATTR_STRING,
    int: binding.TF_ATTR_INT,
    ints: binding.TF_ATTR_INT,
    float: binding.TF_ATTR_FLOAT,
    bool: binding.TF_ATTR_BOOL,
    type: binding.TF_ATTR_TYPE,
    shape: binding.TF_ATTR_SHAPE,
  };
  return Object.entries(attributes).map(([name, {kind, value}]) => ({name, type: types[kind]!, value}));
}

/** An attribute from the form of the binding; undefined if no operation here has its kind. */
export function fromBinding(binding: Binding, {type, value}: OperationAttribute): Attribute | undefined {
  const kind = kindOf(binding, type, Array.isArray(value));
  return kind && ({kind, value} as Attribute);
}

function kindOf(binding: Binding, type: number, isList: boolean): Attribute['kind'] | undefined {
  if (type === binding.TF_ATTR_SHAPE) return 'shape';
  if (isList) return type === binding.TF_ATTR_INT ? 'ints' : undefined;
  switch (type) {
    case binding.TF_ATTR_STRING:
      return 'string';
    case binding.TF_ATTR_INT:
      return 'int';
    case binding.TF_ATTR_FLOAT:
      return 'float';
    case binding.TF_ATTR_BOOL:
      return 'bool';
    case binding.TF_ATTR_TYPE:
      return 'type';
    default:
      return undefined;
  }
}
