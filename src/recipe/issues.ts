import {closest, distance} from 'fastest-levenshtein';
import type {z} from 'zod';

/** Says where an object departs from its schema, and what, with the nearest known key for an unknown one. */
export function explainIssue(issue: z.core.$ZodIssue, schema: z.ZodType): string[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [`${path.join('.') || 'it'}: ${issue.message}`];
  const known = knownKeys(schema, path);
  return issue.keys.map(key => `${[...path, key].join('.')}: unknown key. ${hint(key, known)}`);
}

function hint(key: string, known: readonly string[]): string {
  const nearest = known.length > 0 ? closest(key, known) : undefined;
  if (nearest !== undefined && distance(key, nearest) <= 3) return `Did you mean \`${nearest}\`?`;
  return `Known: ${known.join(', ')}.`;
}

/** The keys that may stand at a path of a recipe. */
function knownKeys(schema: unknown, path: readonly string[]): string[] {
  const at = path.reduce(inside, schema);
  return Object.keys((unwrap(at) as {shape?: object}).shape ?? {});
}

function inside(schema: unknown, step: string): unknown {
  const {shape, element} = unwrap(schema) as {shape?: Record<string, unknown>; element?: unknown};
  return element ?? shape?.[step] ?? {};
}

function unwrap(schema: unknown): unknown {
  const wrapped = schema as {unwrap?: () => unknown; shape?: object; element?: unknown};
  return wrapped.shape === undefined && wrapped.element === undefined && wrapped.unwrap ? wrapped.unwrap() : schema;
}
