/** The part of TensorFlow Serving's REST API that others share: `instances` in, `predictions` out. */
import {InputError} from '../../src/errors.ts';
import type {Json} from '../../src/teacher.ts';
import type {LabelLocation, ScoreLocation} from './output.ts';
import {readTemplate, type Template} from './template.ts';

/**
 * The scores to read: the kind and the name of their output. If there is one output, the kind is enough.
 * Log-probabilities use the natural logarithm. Percentages are from 0 to 100.
 */
export type InstanceScores =
  | Kind
  | ((
      | {readonly logits: string}
      | {readonly logProbabilities: string}
      | {readonly probabilities: string}
      | {readonly percentages: string}
    ) & {
      /** The output that names the classes of the scores, if they have their own order. */
      readonly names?: string;
      /**
       * The number of scored classes, the most probable ones, if fewer than all.
       *
       * @default all
       */
      readonly topK?: number;
    });

type Kind = 'logits' | 'logProbabilities' | 'probabilities' | 'percentages';

/** The label to read: the output that holds it, as a name or an index, or `label` if there is one output. */
export type InstanceLabel = 'label' | {readonly label: string};

/**
 * Returns the location of the output in a reply.
 *
 * @param at - returns the pointer to the output of a name, or to the only output if there is no name
 */
export function locationOf(
  output: InstanceScores | InstanceLabel,
  at: (name: string | undefined) => string,
): ScoreLocation | LabelLocation {
  const named: {readonly [part: string]: string | number | undefined} =
    typeof output === 'string' ? {[output]: undefined} : {...output};
  const kinds = Object.keys(named).filter(part => KINDS.includes(part));
  if (kinds.length !== 1) {
    throw new InputError(
      `The \`output\` can't be used. Give one of ${KINDS.join(', ')}: alone, or with the name of the output.`,
    );
  }
  const locations = Object.entries(named).map(([part, name]) => [
    part,
    typeof name === 'number' ? name : at(name && escaped(name)),
  ]);
  return Object.fromEntries(locations);
}

const KINDS: readonly string[] = ['logits', 'logProbabilities', 'probabilities', 'percentages', 'label'];

function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Returns the location of the output in a list of predictions, one per query. */
export function predictionLocation(output: InstanceScores | InstanceLabel): ScoreLocation | LabelLocation {
  return locationOf(output, name => (name === undefined ? '/predictions/*' : `/predictions/*/${name}`));
}

/**
 * Returns templates for texts and for tensors. Each instance is the input itself, or an object that holds it by name.
 */
export function instanceTemplates(
  input: string | undefined,
  rest: Readonly<Record<string, Json>>,
): readonly Template[] {
  return ['{text}', '{tensor}'].map(own =>
    readTemplate({...rest, instances: {'{each}': input === undefined ? own : {[input]: own}}}),
  );
}
