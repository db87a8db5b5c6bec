import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {answersAt, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {targetsOf} from '../losses/targets.ts';
import type {BatchSource} from './batch-source.ts';
import type {TrainOptions} from './options.ts';

/**
 * Checks that true labels exist if a term learns from them, and that they hold for the student's view of the inputs.
 *
 * @throws InputError if they don't
 */
export function checkTrueLabels({source}: Knowledge | StoredKnowledge, {losses, view}: TrainOptions): void {
  const term = losses.find(({needsTrueLabels}) => needsTrueLabels);
  if (term === undefined) return;
  if (source.access !== 'truth') {
    throw new InputError(
      `${term.name} learns from true labels, but the knowledge holds a ${source.access} teacher's answers. ` +
        'Give the true labels as knowledge and the teacher as `teacher`, which answers live.',
    );
  }
  if (view?.takesPartner) {
    throw new InputError(
      `${term.name} learns from true labels, and what \`${view.name}\` shows has none. Leave one of them out.`,
    );
  }
}

/** Adds the true labels of the rows to each batch. */
export function withTrueLabels(source: BatchSource, knowledge: Knowledge | StoredKnowledge): BatchSource {
  return {
    ...source,
    async batch(rows, epoch, signal) {
      const {labels} = targetsOf(await answersAt(knowledge, rows), knowledge.classes.length);
      const {raw, targets} = await source.batch(rows, epoch, signal);
      return {raw, targets: {...targets, trueLabels: tf.tensor1d(labels, 'int32')}};
    },
  };
}
