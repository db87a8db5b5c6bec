import {withoutFeatures} from '../../knowledge/coarsen.ts';
import type {Access, Detail, Outcome, Part, Question, Teacher} from '../../teacher.ts';
import {withBatches} from '../batches.ts';
import type {LayeredTeacher, LayerOptions} from '../layer.ts';

/** Puts layers around a teacher that is not made of others. */
export type Layers = <A extends Access>(teacher: Teacher<A>) => LayeredTeacher<A>;

/** Puts layers around a teacher; around each of its parts, where it is made of others. */
export function layeredBy<A extends Access>(layers: Layers, teacher: Teacher<A>): LayeredTeacher<A> {
  const {parts} = teacher;
  if (parts === undefined) return layers(teacher);
  return parts.compose(parts.teachers.map(part => layeredBy(layers, part.teacher)));
}

/** A teacher that is not made of others, and what one that is asks it. */
export type Leaf = Required<Part>;

/**
 * The teachers that are asked when a teacher is: itself, where it is not made of others.
 *
 * @param detail - the least that the whole's answers must hold
 */
export function leavesOf(teacher: Teacher, detail: Detail): readonly Leaf[] {
  const {parts} = teacher;
  if (parts === undefined) return [{teacher, detail, samples: 1, isOptional: false}];
  return parts.teachers.flatMap(part => {
    const {samples = 1, isOptional = false} = part;
    return leavesOf(part.teacher, detailOfPart(part)).map(leaf => ({
      ...leaf,
      // Samples of samples: those of the inner one are counted on through those of the outer.
      samples: samples * leaf.samples,
      isOptional: isOptional || leaf.isOptional,
    }));
  });
}

function detailOfPart({teacher, detail = withoutFeatures(teacher.detail)}: Part): Detail {
  return detail;
}

/** A question as often as a part is asked about it. */
export function samplesOf({samples = 1}: Pick<Part, 'samples'>, question: Question): readonly Question[] {
  if (samples === 1) return [question];
  const first = samples * (question.sample ?? 0);
  return Array.from({length: samples}, (_, index) => ({...question, sample: first + index}));
}

/** Asks a part about any number of questions; row i holds the outcomes of question i, as many as its `samples`. */
export type AskPart = (
  questions: readonly Question[],
  options: LayerOptions,
) => Promise<readonly (readonly Outcome[])[]>;

/** @param teacher - the part's teacher, with layers around it or without */
export function askerOf(part: Part, teacher: Teacher): AskPart {
  const {samples = 1} = part;
  const batches = withBatches(teacher);
  const detail = detailOfPart(part);
  // A request belongs to the layers of the part: its rows would mean nothing to whoever asks the whole.
  return async (questions, {exchange: _, onSettled, ...options}) => {
    let settled = 0;
    const onSample = (count: number) => {
      const before = Math.floor(settled / samples);
      settled += count;
      onSettled?.(Math.floor(settled / samples) - before);
    };
    const asked = questions.flatMap(question => samplesOf(part, question));
    const outcomes = await batches.ask(asked, {...options, detail, onSettled: onSample});
    return questions.map((_, row) => outcomes.slice(row * samples, (row + 1) * samples));
  };
}
