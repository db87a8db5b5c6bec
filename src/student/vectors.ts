import {checkCount} from '../data/hashed-reading.ts';
import {InputError} from '../errors.ts';
import {checkOptions} from '../options.ts';
import type {Outcome, Teacher} from '../teacher.ts';
import {AS_TEACHER_KINDS, type AsTeacherOptions, asTeacher} from './as-teacher.ts';
import {preparedAs} from './building-blocks.ts';
import {outputWidth} from './forward.ts';
import {makeStudent} from './make-student.ts';
import type {Student, StudentBuilder} from './student.ts';

/**
 * Makes students that give vectors instead of logits, to learn from an embedding model: the last layer of any builder,
 * `logits`, is then the vector. Hidden layers that are narrower than the vector limit it. A builder with a `preparation`
 * keeps it.
 *
 * @param dimensions - the length of a vector: the embedding model's own, so that they share an index, or another
 * @throws InputError if `dimensions` is no whole number from 1 to 2²⁰, or the students of the builder give probabilities
 * @example
 * ```ts
 * import {hashedNgrams, withVectors} from 'limbeck/students';
 *
 * export const student = withVectors(hashedNgrams({units: [256]}), 384);
 * ```
 */
export function withVectors(builder: StudentBuilder, dimensions: number): StudentBuilder {
  checkCount('dimensions', dimensions, 1, 2 ** 20);
  const build: StudentBuilder = (task, seed) => {
    const student = builder({...task, classes: namesOf(dimensions)}, seed);
    if (student.output === 'probabilities') {
      throw new InputError(
        `Student ${student.model.name} gives probabilities, which are no vector. Leave the softmax of its last layer out.`,
      );
    }
    return makeStudent({...student, classes: [], output: 'vector'});
  };
  return preparedAs(build, builder, prepared => withVectors(prepared, dimensions));
}

/**
 * Presents a student that gives vectors as a teacher: gray-box. It can be asked, compared and served like an embedding
 * model. Its identity is that of the current weights, so don't train it further.
 *
 * @throws InputError if the student has classes
 */
export function vectorTeacher(student: Student, options: AsTeacherOptions = {}): Teacher<'gray-box'> {
  checkOptions('vectorTeacher', options, AS_TEACHER_KINDS);
  if (student.output !== 'vector') {
    throw new InputError(`Student ${student.model.name} has classes and gives no vectors. Use \`asTeacher\`.`);
  }
  const asLogits = makeStudent({...student, classes: namesOf(outputWidth(student)), output: 'logits'});
  const {name, identity, maxBatch, ask} = asTeacher(asLogits, options);
  return {
    name,
    identity: {...identity, output: 'vector'},
    access: 'gray-box',
    classes: [],
    detail: {kind: 'vector'},
    maxBatch,
    async ask(queries, {signal} = {}) {
      const outcomes = await ask(queries, {signal, detail: {kind: 'logits'}});
      return outcomes.map((outcome): Outcome<'gray-box'> => {
        return 'error' in outcome ? outcome : {answer: {kind: 'vector', values: outcome.answer.logits}};
      });
    },
  };
}

/** Presents a student as a teacher of what it gives: vectors, or else classes. */
export function teacherOf(student: Student, options: AsTeacherOptions = {}): Teacher {
  return student.output === 'vector' ? vectorTeacher(student, options) : asTeacher(student, options);
}

const namesOf = (dimensions: number): string[] => Array.from({length: dimensions}, (_, index) => String(index));
