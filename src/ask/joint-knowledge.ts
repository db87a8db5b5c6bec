import {type Inputs, inputAt, stacked} from '../data/inputs.ts';
import {InputError} from '../errors.ts';
import {countOf, inputsAt, type Knowledge, rowBlocks, rowsOf, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {digestQuery} from '../store/stored-answer.ts';

/**
 * Answers to several questions about one list of inputs, each about all of them or some. A student with a head for each
 * question trains on it.
 */
export interface JointKnowledge {
  /** The answers to each question. */
  readonly parts: readonly (Knowledge | StoredKnowledge)[];
  /** By part, [count]: the row of each input in the part; -1 if the part has no answer about it. */
  readonly rows: readonly Int32Array[];
  /** The number of inputs that have an answer to at least one question. Versions count separately. */
  readonly count: number;
  /**
   * See `Knowledge`.
   *
   * @default 1
   */
  readonly versions?: number;
  /** The named inputs, in that order. */
  readInputs(rows: ArrayLike<number>): Promise<Inputs>;
}

/**
 * Joins the answers to several questions. Equal inputs are one input.
 *
 * @param parts - one for each question, as `collectQuestions` gives them
 * @throws InputError if a part has no question or that of another, or the parts have different numbers of versions
 * @example
 * ```ts
 * import {collectQuestions, joinKnowledge} from 'limbeck/ask';
 * import type {Teacher, TransferSet} from 'limbeck';
 *
 * export async function answers(teacher: Teacher, transfer: TransferSet) {
 *   const collected = await collectQuestions(teacher, transfer);
 *   return joinKnowledge(collected.map(({knowledge}) => knowledge));
 * }
 * ```
 */
export async function joinKnowledge(parts: readonly (Knowledge | StoredKnowledge)[]): Promise<JointKnowledge> {
  const versions = checkParts(parts);
  /** The first row that each input has in any part. */
  const homes: Home[] = [];
  const indexOf = new Map<string, number>();
  const indices: (readonly number[])[] = [];
  for (const [part, knowledge] of parts.entries()) {
    const twin = parts.findIndex(other => haveSameInputs(other, knowledge));
    if (twin !== -1 && twin < part) {
      indices.push(indices[twin]!);
      continue;
    }
    const keys = await keysOf(knowledge, versions);
    indices.push(
      keys.map((key, input) => {
        const index = indexOf.get(key) ?? homes.push({part, row: input * versions}) - 1;
        indexOf.set(key, index);
        return index;
      }),
    );
  }
  const count = homes.length * versions;
  return {
    parts,
    rows: indices.map(own => rowsInPart(own, versions, count)),
    count,
    ...(versions > 1 && {versions}),
    readInputs: wanted =>
      readRows(
        parts,
        Array.from(wanted, index => {
          const {part, row} = homes[Math.floor(index / versions)]!;
          return {part, row: row + (index % versions)};
        }),
      ),
  };
}

/** The named inputs of joint knowledge in all their versions, with their answers. */
export function jointPart(knowledge: JointKnowledge, inputs: ArrayLike<number>): JointKnowledge {
  const all = rowsOf(knowledge, inputs);
  return {
    ...knowledge,
    rows: knowledge.rows.map(own => all.map(row => own[row]!)),
    count: all.length,
    readInputs: wanted => knowledge.readInputs(Array.from(wanted, row => all[row]!)),
  };
}

/** A row of a part. */
interface Home {
  readonly part: number;
  readonly row: number;
}

/** @returns the number of versions of each input */
function checkParts(parts: readonly (Knowledge | StoredKnowledge)[]): number {
  const [first] = parts;
  if (first === undefined)
    throw new InputError('There is no knowledge to join. Give the answers to one question at least.');
  const seen = new Set<string>();
  for (const {question, versions = 1, source} of parts) {
    if (question === undefined) {
      throw new InputError('One part of the knowledge has no question. Join what `collectQuestions` gives.');
    }
    if (seen.has(question.name)) throw new InputError(`Two parts of the knowledge answer \`${question.name}\`.`);
    seen.add(question.name);
    if (versions !== (first.versions ?? 1)) {
      throw new InputError(
        `The answers to \`${question.name}\` are about ${versions} versions of each input, those to ` +
          `\`${first.question!.name}\` about ${first.versions ?? 1}. Ask both about the same.`,
      );
    }
    if (source.access !== first.source.access) {
      throw new InputError(
        `The answers to \`${question.name}\` are of a ${source.access} teacher, those to \`${first.question!.name}\` of a ` +
          `${first.source.access} one. Join the answers of one level of access.`,
      );
    }
  }
  return first.versions ?? 1;
}

function haveSameInputs(one: Knowledge | StoredKnowledge, other: Knowledge | StoredKnowledge): boolean {
  return 'inputs' in one && 'inputs' in other && one.inputs === other.inputs;
}

/** A key of each input with all its versions. Repetitions of an input are inputs of their own. */
async function keysOf(knowledge: Knowledge | StoredKnowledge, versions: number): Promise<readonly string[]> {
  const digests: string[] = [];
  const count = countOf(knowledge);
  for (const rows of rowBlocks(count)) {
    const inputs = await inputsAt(knowledge, rows);
    for (let row = 0; row < inputs.count; row++) {
      const {dtype, shape, bytes} = digestQuery({input: inputAt(inputs, row)});
      digests.push(`${dtype} ${shape} ${bytes}`);
    }
  }
  const seen = new Map<string, number>();
  return Array.from({length: count / versions}, (_, input) => {
    const key = digests.slice(input * versions, (input + 1) * versions).join();
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return `${key} ${before}`;
  });
}

/** [count], the row of each joint row in a part, by the joint index of each of the part's inputs. */
function rowsInPart(indices: readonly number[], versions: number, count: number): Int32Array {
  const rows = new Int32Array(count).fill(-1);
  for (const [input, index] of indices.entries()) {
    for (let version = 0; version < versions; version++) rows[index * versions + version] = input * versions + version;
  }
  return rows;
}

/** Rows of several parts, in the given order. */
async function readRows(parts: JointKnowledge['parts'], homes: readonly Home[]): Promise<Inputs> {
  const used = [...new Set(homes.map(({part}) => part))];
  const blocks = await Promise.all(
    used.map(part =>
      inputsAt(
        parts[part]!,
        homes.filter(home => home.part === part).map(({row}) => row),
      ),
    ),
  );
  if (blocks.length === 1) return blocks[0]!;
  const next = new Int32Array(used.length);
  return stacked(
    homes.map(({part}) => {
      const block = used.indexOf(part);
      return inputAt(blocks[block]!, next[block]!++);
    }),
  );
}
