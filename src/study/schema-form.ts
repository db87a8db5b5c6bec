import {z} from 'zod';
import type {DifferenceVerdict} from '../evaluate/judge.ts';
import type {Level} from '../levels.ts';
import type {Access} from '../teacher.ts';

/** T without `readonly`, and each intersection as one object, so that types of the same values are identical. */
type Plain<T> = T extends object ? {-readonly [K in keyof T]: Plain<T[K]>} : T;

type IsSame<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** The keys that one of the types lacks, or has another type for. */
type Differing<A, B> = {
  [K in keyof A | keyof B]: K extends keyof A & keyof B ? (IsSame<Pick<A, K>, Pick<B, K>> extends true ? never : K) : K;
}[keyof A | keyof B];

/** Nothing more for the fields of T. For others, the compiler names the keys that differ. */
type FieldsOf<T, Shape extends z.ZodRawShape> = [Differing<Plain<T>, Plain<z.output<z.ZodObject<Shape>>>>] extends [
  never,
]
  ? unknown
  : {differs: Differing<Plain<T>, Plain<z.output<z.ZodObject<Shape>>>>};

/** The names of the schemas: those of their interfaces. */
export const schemaNames: z.core.$ZodRegistry<{readonly id: string}> = z.registry();

/** The schema of an interface, by its name and fields. It does not compile unless they are all those of T, and no others. */
export function schemaOf<T>() {
  return <Shape extends z.ZodRawShape>(id: string, shape: Shape & FieldsOf<T, Shape>): z.ZodType<T> => {
    const schema = z.object(shape);
    schemaNames.add(schema, {id});
    return schema as unknown as z.ZodType<T>;
  };
}

/** One of the words of T: all of them. */
export function oneOf<T extends string>(words: {readonly [Word in T]: true}): z.ZodType<T> {
  return z.enum(Object.keys(words) as T[]);
}

/** JSON has no NaN: a number that is not finite is null in the file. */
export const measured: z.ZodType<number> = z
  .number()
  .nullable()
  .transform(value => value ?? Number.NaN);
export const count: z.ZodNumber = z.number();
export const share: z.ZodNumber = z.number();
export const text: z.ZodString = z.string();
export const interval: z.ZodType<[number, number]> = z.tuple([measured, measured]);
export const access: z.ZodType<Access> = oneOf({'black-box': true, 'gray-box': true, 'white-box': true});
export const level: z.ZodType<Level> = oneOf({
  none: true,
  'black-box': true,
  'gray-box': true,
  'white-box': true,
});
export const verdict: z.ZodType<DifferenceVerdict> = oneOf({
  better: true,
  worse: true,
  'no difference shown': true,
  'too few seeds to say': true,
});
