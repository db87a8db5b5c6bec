/** What TensorFlow Serving's REST API has in common with those made after it: `instances` in, `predictions` out. */
import {InputError} from '../../src/errors.ts';
import type {Json} from '../../src/teacher.ts';
import type {LabelLocation, ScoreLocation} from './output.ts';
import {readTemplate, type Template} from './template.ts';

/**
 * The scores that are read: the name of the output that holds them, or where it is the only one, what they are alone.
 * Log-probabilities are natural ones, percentages from 0 to 100.
 */
export type InstanceScores =
  | Kind
  | ((
      | {readonly logits: string}
      | {readonly logProbabilities: string}
      | {readonly probabilities: string}
      | {readonly percentages: string}
    ) & {
      /** The output that holds the classes which the scores are about, if these come in an order of their own. */
      readonly names?: string;
      /**
       * How many classes are scored, the most probable ones, where they are not all.
       *
       * @default all
       */
      readonly topK?: number;
    });

type Kind = 'logits' | 'logProbabilities' | 'probabilities' | 'percentages';

/** The label that is read: the output that holds it, as a name or an index, or `label` where it is the only one. */
export type InstanceLabel = 'label' | {readonly label: string};

/**
 * Where a reply has the output.
 *
 * @param at - a pointer to the output of this name; to the only one where it has none
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

/** Where a list of predictions, one a query, has the output. */
export function predictionPlace(output: InstanceScores | InstanceLabel): ScoreLocation | LabelLocation {
  return locationOf(output, name => (name === undefined ? '/predictions/*' : `/predictions/*/${name}`));
}

/** Requests about texts and about tensors: each instance the input itself, or an object that has it under a name. */
export function instanceTemplates(
  input: string | undefined,
  rest: Readonly<Record<string, Json>>,
): readonly Template[] {
  return ['{text}', '{tensor}'].map(own =>
    readTemplate({...rest, instances: {'{each}': input === undefined ? own : {[input]: own}}}),
  );
}
