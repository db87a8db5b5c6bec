import type {Question} from '../question.ts';
import {methodFolder} from './methods.ts';
import type {MethodViews} from './recipe.ts';

interface SeveralFields {
  readonly methods: readonly {
    readonly level: string;
    readonly views?: unknown;
    readonly select?: unknown;
    readonly tune?: unknown;
  }[];
  readonly training?:
    | {readonly balance?: unknown; readonly questionWeights?: Readonly<Record<string, number>> | undefined}
    | undefined;
  readonly teacherModel?: unknown;
}

/** Checks what a recipe with several questions can't have. */
export function checkSeveral(
  {methods, training, teacherModel}: SeveralFields,
  questions: readonly Question[],
  add: (path: (string | number)[], message: string) => void,
): void {
  const names = questions.map(({name}) => methodFolder(name).toLowerCase());
  for (const [index, name] of names.entries()) {
    if (name === '') add(['questions', index, 'name'], 'give it a name with a letter or a digit');
    else if (names.indexOf(name) < index) add(['questions', index, 'name'], 'another question has the same folder');
  }
  const whole = 'is for recipes of one question: leave it out';
  if (teacherModel) add(['teacherModel'], whole);
  if (training?.balance !== undefined) add(['training', 'balance'], whole);
  for (const name of Object.keys(training?.questionWeights ?? {})) {
    if (!questions.some(question => question.name === name)) {
      add(
        ['training', 'questionWeights', name],
        `is no question of the recipe: ${questions.map(own => own.name).join(', ')}`,
      );
    }
  }
  for (const [index, {level, views, ...method}] of methods.entries()) {
    for (const option of ['tune', 'select'] as const) {
      if (method[option] !== undefined) add(['methods', index, option], whole);
    }
    if (views !== undefined && level !== 'none' && (views as Partial<MethodViews>).count === undefined) {
      add(
        ['methods', index, 'views', 'count'],
        'no teacher answers several questions while students are trained: give it',
      );
    }
  }
}
