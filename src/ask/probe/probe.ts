import {KnowledgeError} from '../../errors.ts';
import type {Outcome, Teacher} from '../../teacher.ts';
import type {Asking} from '../asking.ts';
import {layeredBy, leavesOf} from '../compose/parts.ts';
import {keyed, layerOver} from '../layer.ts';
import {findInAnswers} from './answers.ts';
import {answersIn, ask, describe, detailAsked, type ProbedLeaf, probeLeaf} from './leaf.ts';
import {problemsIn} from './problems.ts';
import type {ProbeOptions, TeacherProbe} from './teacher-probe.ts';

/**
 * Asks a teacher a handful of queries, each twice, and reports what it really gives. If it is composed of others, each
 * part is asked, and the whole is made from their answers. Paid answers are kept.
 */
export async function probeTeacher(asking: Asking, teacher: Teacher, options: ProbeOptions): Promise<TeacherProbe> {
  if (teacher.parts === undefined) return (await probeLeaf(asking, teacher, options)).probe;
  const leaves = leavesOf(teacher, detailAsked(teacher, options.needed));
  const parts = new Map<Teacher, ProbedLeaf>();
  for (const {teacher: part, samples, further, detail: needed} of leaves) {
    const each = {...options, needed, samples: samples + further};
    if (!parts.has(part)) parts.set(part, await probeLeaf(asking, part, each));
  }
  // A whole that needs more than the query itself can't be made from the answer to the query alone.
  const isMade = leaves.every(
    ({samples, further, beforehand}) => samples === 1 && further === 0 && beforehand === undefined,
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

const NOTHING: TeacherProbe['paid'] = {calls: 0, bought: 0, cached: 0, inputTokens: 0, outputTokens: 0};

/** The outcomes of a composed teacher, made from the answers of its parts. */
async function outcomesOfWhole(
  teacher: Teacher,
  parts: ReadonlyMap<Teacher, ProbedLeaf>,
  {queries, needed, inputs}: ProbeOptions,
): Promise<readonly Outcome[]> {
  const recalling = layeredBy(leaf => {
    const outcomes = parts.get(leaf as Teacher)!.outcomes as readonly Outcome<typeof leaf.access>[];
    const known = new Map(queries.map((query, index) => [keyed(leaf, query).key, outcomes[index]!]));
    const missing = {error: new KnowledgeError('It was not asked about this.')};
    const recall: typeof leaf.ask = async asked => asked.map(query => known.get(keyed(leaf, query).key) ?? missing);
    return layerOver(leaf, {ask: recall});
  }, teacher);
  return (await ask(recalling, queries, {queries, needed, inputs})).outcomes;
}
