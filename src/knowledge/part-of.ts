import {selectInputs} from '../data/inputs.ts';
import {answersAt, inputsAt, type Knowledge, type StoredKnowledge} from './knowledge.ts';
import {selectAnswers} from './table.ts';

/**
 * The named inputs of knowledge in all their versions, with their answers. If the knowledge is in memory, the part is
 * in memory; otherwise its rows are read when they are needed.
 */
export function partOf(knowledge: Knowledge | StoredKnowledge, inputs: ArrayLike<number>): Knowledge | StoredKnowledge {
  const rows = rowsOf(knowledge, inputs);
  const {calibrationInputs: _, unanswered: __, ...head} = knowledge;
  if ('inputs' in head) {
    const answers = selectAnswers(head.answers, rows, head.classes.length);
    return {...head, inputs: selectInputs(head.inputs, rows), answers};
  }
  const at = (indices: ArrayLike<number>) => Array.from(indices, index => rows[index]!);
  return {
    ...head,
    count: rows.length,
    readInputs: indices => head.readInputs(at(indices)),
    readAnswers: indices => head.readAnswers(at(indices)),
    // The whole is closed by its opener.
    close: async () => {},
  };
}

/** The same part, read into memory. */
export async function readPart(knowledge: Knowledge | StoredKnowledge, inputs: ArrayLike<number>): Promise<Knowledge> {
  const {source, classes, detail, versions = 1} = knowledge;
  const rows = rowsOf(knowledge, inputs);
  const [read, answers] = await Promise.all([inputsAt(knowledge, rows), answersAt(knowledge, rows)]);
  return {source, classes, detail, inputs: read, answers, ...(versions > 1 && {versions})};
}

/** The first version of each input, which is the clean one if it is there, with their answers. */
export async function readFirstVersions(
  knowledge: Knowledge | StoredKnowledge,
  inputs: ArrayLike<number>,
): Promise<Pick<Knowledge, 'inputs' | 'answers'>> {
  const {versions = 1} = knowledge;
  const rows = Array.from(inputs, input => input * versions);
  const [read, answers] = await Promise.all([inputsAt(knowledge, rows), answersAt(knowledge, rows)]);
  return {inputs: read, answers};
}

function rowsOf({versions = 1}: Pick<Knowledge, 'versions'>, inputs: ArrayLike<number>): number[] {
  return Array.from(inputs, input => Array.from({length: versions}, (_, version) => input * versions + version)).flat();
}
