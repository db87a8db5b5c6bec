import {logSoftmaxRows} from '../data/arrays.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {highest, type Strategy} from './strategy.ts';

export interface DisagreementOptions {
  /**
   * Number of students that are trained and compared.
   *
   * @default 3
   */
  readonly students?: number;
}

const KINDS = {students: kinds.number} satisfies Shape<DisagreementOptions>;

/**
 * Chooses inputs on which the student is likeliest to disagree with the teacher. The teacher's answer is unknown before
 * it is asked, so students with the same answers and other initial weights represent it: the rate at which two such
 * students disagree tells the error rate of one (Jiang et al., 2022, Assessing generalization of SGD via disagreement).
 * This is query by committee (Seung, Opper and Sompolinsky, 1992). The score is the mean KL divergence of the members
 * from their mean (McCallum and Nigam, 1998, Employing EM and pool-based active learning for text classification;
 * Settles, 2009, section 3.2). Doubt that all members share counts for nothing here; entropy and margin measure that.
 *
 * @throws InputError if there are fewer than two students
 */
export function disagreement(options: DisagreementOptions = {}): Strategy {
  checkOptions('disagreement', options, KINDS);
  const {students = 3} = options;
  if (!Number.isInteger(students) || students < 2) {
    throw new InputError(`Expected \`students\` to be a whole number of at least 2, got ${students}.`);
  }
  return {
    name: 'disagreement',
    needs: {students, embeddings: false},
    choose: ({logits, classes, seed}, size) => highest(divergences(logits.slice(0, students), classes), size, seed),
  };
}

/** mean_m KL(q_m || mean_m q_m) of each row, in nats. */
function divergences(logits: readonly Float32Array[], classes: number): Float64Array {
  const members = logits.map(rows => logSoftmaxRows(rows, classes));
  const scores = new Float64Array(logits[0]!.length / classes);
  for (let index = 0; index < logits[0]!.length; index++) {
    const mean = members.reduce((sum, member) => sum + Math.exp(member[index]!), 0) / members.length;
    // A class that all members exclude adds 0 · log 0 = 0.
    if (mean === 0) continue;
    const logMean = Math.log(mean);
    for (const member of members) {
      const q = Math.exp(member[index]!);
      if (q > 0) scores[Math.floor(index / classes)]! += (q * (member[index]! - logMean)) / members.length;
    }
  }
  return scores;
}
