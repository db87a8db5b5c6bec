import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import type {PrepareOptions, StudentBuilder} from '../student/student.ts';
import type {TaughtMethod} from './methods.ts';
import {inMemory, measuringContents, textsOf, unlabelledInputs} from './unlabelled.ts';

/** The most texts that a student is prepared by. */
const MOST_TEXTS = 20_000;
/** If there are less unlabelled texts than these, a student is also prepared by the texts that it learns from. */
const ENOUGH_TEXTS = 4000;

/**
 * Prepares the students of a study that learn from texts before they are made. None of the texts is in the test split, in
 * validation, among those that calibrate, or held out in cross-fitting.
 */
export class Preparations {
  readonly #recipe: Pick<ResolvedRecipe, 'data' | 'transfer'>;
  readonly #options: PrepareOptions;
  /** By builder, and then by the answers: folds that are prepared by the same texts share a builder. */
  readonly #known = new WeakMap<StudentBuilder, WeakMap<object, Promise<StudentBuilder>>>();

  /** By the answers of a method: texts that they are not about. */
  readonly #unlabelled = new WeakMap<object, Promise<readonly string[]>>();

  constructor(recipe: Pick<ResolvedRecipe, 'data' | 'transfer'>, options: PrepareOptions) {
    this.#recipe = recipe;
    this.#options = options;
  }

  /** The builder that makes students of a method; the same if it needs no preparation. */
  async prepared(build: StudentBuilder, {knowledge, allAnswers = knowledge}: TaughtMethod): Promise<StudentBuilder> {
    if (build.preparation === undefined) return build;
    const texts = await this.#unlabelledBeside(allAnswers);
    return texts.length >= ENOUGH_TEXTS
      ? this.#shared(build, allAnswers, texts)
      : this.preparedBy(build, [knowledge], texts);
  }

  /** The builder, prepared by the texts of answers and by others. */
  async preparedBy(
    build: StudentBuilder,
    answers: readonly (Knowledge | StoredKnowledge)[],
    others: readonly string[] = [],
  ): Promise<StudentBuilder> {
    if (build.preparation === undefined) return build;
    const own = await Promise.all(answers.map(inMemory));
    // A text of the training split can also be in another one.
    const measuring = measuringContents(this.#recipe.data);
    const texts = own.flatMap(({inputs}) => textsOf(inputs).texts).filter(text => !measuring.has(text));
    return build.preparation.prepare([...new Set([...others, ...texts])], this.#options);
  }

  #unlabelledBeside(answers: Knowledge | StoredKnowledge): Promise<readonly string[]> {
    const known = this.#unlabelled.get(answers);
    if (known !== undefined) return known;
    const drawn = unlabelledInputs(this.#recipe, answers, MOST_TEXTS).then(inputs => textsOf(inputs).texts);
    this.#unlabelled.set(answers, drawn);
    return drawn;
  }

  #shared(build: StudentBuilder, answers: object, texts: readonly string[]): Promise<StudentBuilder> {
    const known = this.#known.get(build) ?? new WeakMap<object, Promise<StudentBuilder>>();
    this.#known.set(build, known);
    const found = known.get(answers);
    if (found !== undefined) return found;
    const prepared = build.preparation!.prepare(texts, this.#options);
    known.set(answers, prepared);
    return prepared;
  }
}
