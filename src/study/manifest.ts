import {readFile} from 'node:fs/promises';
import {cpus} from 'node:os';
import {join, relative, resolve} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
import {z} from 'zod';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {LEVELS} from '../levels.ts';
import {sha256Of} from '../sha256.ts';
import type {Access, Price} from '../teacher.ts';
import {digestOf} from '../train/fingerprint.ts';
import type {Asked} from './missing.ts';
import type {Results} from './results.ts';
import type {Study} from './study.ts';

const FORMAT = 'limbeck.manifest/1';

/** All that a study was made of, as in `manifest.json`: what must be the same for the same numbers. Digests are SHA-256. */
export interface Manifest {
  readonly schema: typeof FORMAT;
  readonly name: string;
  /** ISO 8601. */
  readonly finishedAt: string;
  /** The module of the recipe, its path relative to the manifest. Absent if a program passed the recipe itself. */
  readonly recipe?: {readonly path: string; readonly sha256: string} | undefined;
  readonly seeds: readonly number[];
  readonly budgets?: readonly number[] | undefined;
  readonly data: {readonly drawn: string; readonly validation?: string | undefined; readonly test: string};
  /** The teachers that were asked, with their prices at that time. */
  readonly teachers: readonly {
    readonly level: Access;
    readonly name: string;
    readonly identity: string;
    readonly price?: Price | undefined;
  }[];
  /** By query plan, the answers that students learned from. */
  readonly answers: Readonly<Record<string, string>>;
  readonly engine: Results['engine'];
  readonly versions: Results['versions'];
  readonly machine: {readonly platform: string; readonly architecture: string; readonly processor: string};
}

const digest = z.string();
const schema: z.ZodType<Manifest> = z.object({
  schema: z.literal(FORMAT),
  name: z.string(),
  finishedAt: z.string(),
  recipe: z.object({path: z.string(), sha256: digest}).optional(),
  seeds: z.array(z.number()),
  budgets: z.array(z.number()).optional(),
  data: z.object({drawn: digest, validation: digest.optional(), test: digest}),
  teachers: z.array(
    z.object({
      level: z.enum(['black-box', 'gray-box', 'white-box']),
      name: z.string(),
      identity: digest,
      price: z.record(z.string(), z.number()).optional(),
    }),
  ),
  answers: z.record(z.string(), digest),
  engine: z.object({name: z.string(), version: z.string(), threads: z.number()}),
  versions: z.object({limbeck: z.string(), node: z.string()}),
  machine: z.object({platform: z.string(), architecture: z.string(), processor: z.string()}),
});

export async function manifestOf(study: Study, asked: readonly Asked[], results: Results): Promise<Manifest> {
  const {recipe, directory, workers} = study;
  const {drawn, data, seeds, budgets} = recipe;
  const {name, finishedAt, engine, versions} = results;
  return {
    schema: FORMAT,
    name,
    finishedAt,
    recipe: workers && (await moduleOf(workers.module, directory)),
    seeds,
    budgets: budgets?.sizes,
    data: {
      drawn: digestOf(drawn),
      validation: isLabelled(data) ? digestOf(data.validation) : undefined,
      test: digestOf(data.test),
    },
    teachers: teachersOf(study),
    answers: Object.fromEntries(asked.map(({plan, knowledge}) => [plan.fileName, digestOf(knowledge.answers)])),
    engine,
    versions,
    machine: {platform: process.platform, architecture: process.arch, processor: cpus()[0]?.model ?? 'unknown'},
  };
}

/** The module's path is relative, so that a folder that holds both can be moved. */
async function moduleOf(module: string, directory: string): Promise<NonNullable<Manifest['recipe']>> {
  const path = resolve(module);
  return {path: relative(resolve(directory), path), sha256: sha256Of(await readFile(path))};
}

function teachersOf({recipe, teacherOf}: Study): Manifest['teachers'] {
  const levels = LEVELS.filter(level => level === recipe.reference || recipe.levels.includes(level));
  return levels.map(level => {
    const {name, identity, service} = teacherOf(level);
    return {level, name, identity: digestOf(identity), price: service?.price};
  });
}

/**
 * Reads the manifest of a study.
 *
 * @throws InputError if the folder has none that this version can read
 */
export async function readManifest(directory: string): Promise<Manifest> {
  const path = manifestPath(directory);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new InputError(`${path} is not there. Give the folder that \`limbeck compare\` wrote.`, {cause});
  });
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new InputError(`${path} is no manifest that this version of limbeck reads (${FORMAT}).`, {cause});
  }
}

export function manifestPath(directory: string): string {
  return join(directory, 'manifest.json');
}

/** The path of the recipe's module, as it is found from here. */
export function recipePath({recipe}: Manifest, directory: string): string | undefined {
  return recipe && resolve(directory, recipe.path);
}

/** The parts of two manifests that differ and may move the numbers, for people. */
export interface ManifestDifferences {
  /** What students learn from, and are measured by. */
  readonly inputs: readonly string[];
  /** What trains them. */
  readonly program: readonly string[];
}

type NamedPart = readonly [name: string, read: (manifest: Manifest) => unknown];

const INPUTS: readonly NamedPart[] = [
  ['the seeds', ({seeds}) => seeds],
  ['the budgets', ({budgets}) => budgets],
  ['the training inputs', ({data}) => data.drawn],
  ['the validation split', ({data}) => data.validation],
  ['the test split', ({data}) => data.test],
  ['the teachers', ({teachers}) => teachers.map(({level, identity}) => [level, identity])],
  ['the answers', ({answers}) => answers],
];

const PROGRAM: readonly NamedPart[] = [
  ['the engine', ({engine}) => engine],
  ['the version of limbeck', ({versions}) => versions.limbeck],
];

export function differencesOf(then: Manifest, now: Manifest): ManifestDifferences {
  const differing = (parts: readonly NamedPart[]) =>
    parts.flatMap(([name, read]) => (isDeepStrictEqual(read(then), read(now)) ? [] : name));
  return {inputs: differing(INPUTS), program: differing(PROGRAM)};
}
