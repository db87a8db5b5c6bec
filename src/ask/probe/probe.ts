import {KnowledgeError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Outcome, Query, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {type Leaf, layeredBy, leavesOf} from '../compose/parts.ts';
import {keyed, layerOver} from '../layer.ts';
import {findInAnswers} from './answers.ts';
import {answersIn, ask, describe, detailAsked, type ProbedLeaf, probeLeaf} from './leaf.ts';
import {problemsIn} from './problems.ts';
import type {ProbeOptions, TeacherProbe} from './teacher-probe.ts';

const KINDS = {
  queries: kinds.list,
  needed: kinds.object,
  inputs: kinds.number,
  repeats: kinds.flag,
  promptAgreement: kinds.number,
  signal: kinds.object,
  onSettled: kinds.call,
} satisfies Shape<ProbeOptions>;

/**
 * Asks a teacher a handful of queries, each twice, and reports what it really gives. If it is composed of others, each
 * part is asked, and the whole is made from their answers. Paid answers are kept.
 */
export async function probeTeacher(asking: Asking, teacher: Teacher, options: ProbeOptions): Promise<TeacherProbe> {
  checkOptions('probeTeacher', options, KINDS, ['queries', 'needed', 'inputs']);
  if (teacher.parts === undefined) return (await probeLeaf(asking, teacher, options)).probe;
  const leaves = leavesOf(teacher, detailAsked(teacher, options.needed));
  const parts = new Map<Teacher, ProbedPart>();
  for (const leaf of leaves) {
    const {teacher: part, samples, further, detail: needed} = leaf;
    if (parts.has(part)) continue;
    const queries = part.questions ? await queriesOf(leaf, options) : options.queries;
    const each = {...options, queries, needed, samples: samples + further};
    parts.set(part, {...(await probeLeaf(asking, part, each)), queries});
  }
  // A whole that needs more than was asked can't be made from it.
  const isMade = leaves.every(
    ({teacher: part, samples, further, beforehand}) =>
      (samples === 1 || part.questions !== undefined) && further === 0 && beforehand === undefined,
  );
  const outcomes = isMade ? await outcomesOfWhole(teacher, parts, options) : [];
  const answers = findInAnswers(answersIn(outcomes));
  const description = describe(teacher, options);
  return {
    ...description,
    isService: [...parts.keys()].some(({service}) => service !== undefined),
    ...(answers && {answers}),
    paid: NOTHING,
    problems: problemsIn({...description, outcomes, answers}),
    parts: [...parts.values()].map(({probe}) => probe),
  };
}

/** A part with the queries that it was asked. */
interface ProbedPart extends ProbedLeaf {
  readonly queries: readonly Query[];
}

/** All that a part with questions is asked about these inputs, because it can't be asked without a question. */
async function queriesOf({queriesFor}: Leaf, {queries}: ProbeOptions): Promise<readonly Query[]> {
  return (await Promise.all(queries.map(queriesFor))).flat();
}

const NOTHING: TeacherProbe['paid'] = {calls: 0, bought: 0, cached: 0, inputTokens: 0, outputTokens: 0};

/** The outcomes of a composed teacher, made from the answers of its parts. */
async function outcomesOfWhole(
  teacher: Teacher,
  parts: ReadonlyMap<Teacher, ProbedPart>,
  {queries, needed, inputs}: ProbeOptions,
): Promise<readonly Outcome[]> {
  const recalling = layeredBy(leaf => {
    const part = parts.get(leaf as Teacher)!;
    const outcomes = part.outcomes as readonly Outcome<typeof leaf.access>[];
    const known = new Map(part.queries.map((query, index) => [keyed(leaf, query).key, outcomes[index]!]));
    const missing = {error: new KnowledgeError('It was not asked about this.')};
    const recall: typeof leaf.ask = async asked => asked.map(query => known.get(keyed(leaf, query).key) ?? missing);
    return layerOver(leaf, {ask: recall});
  }, teacher);
  return (await ask(recalling, queries, {queries, needed, inputs})).outcomes;
}
