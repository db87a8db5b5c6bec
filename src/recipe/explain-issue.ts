import type {z} from 'zod';
import {nearestHint} from '../options.ts';

/**
 * Says where a value departs from its schema, and what, with the nearest known key for an unknown one.
 *
 * @param value - what was checked
 */
export function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType, value: unknown): string[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [`${path.join('.') || 'it'}: ${issue.message}`];
  const known = knownKeys(schema, value, path);
  return issue.keys.map(key => `${[...path, key].join('.')}: unknown key. ${nearestHint(key, known)}`);
}

/** The parts of a schema that are read: an object's shape, a list's element, a union's members and their discriminator. */
interface Schema {
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly options?: readonly Schema[];
  readonly def?: {readonly type: string; readonly discriminator?: string; readonly out?: Schema};
  readonly unwrap?: () => Schema;
  readonly safeParse: (value: unknown) => {readonly success: boolean};
}

/** The keys that may stand at a path of a value. */
function knownKeys(schema: Schema, value: unknown, [step, ...rest]: readonly string[]): string[] {
  const {shape = {}, element} = memberFor(schema, value);
  if (step === undefined) return Object.keys(shape);
  return knownKeys(element ?? shape[step]!, (value as Record<string, unknown>)[step], rest);
}

/** The schema itself; for a union the member that the value names, or the one that has keys. */
function memberFor(schema: Schema, value: unknown): Schema {
  const {shape, element, options, def, unwrap} = schema;
  if (shape ?? element) return schema;
  if (def?.out) return memberFor(def.out, value);
  const key = def?.discriminator;
  if (!options) return unwrap ? memberFor(unwrap.call(schema), value) : schema;
  if (key === undefined) return options.find(option => option.shape ?? option.element) ?? schema;
  return options.find(option => option.shape?.[key]?.safeParse((value as Record<string, unknown>)[key]).success)!;
}
