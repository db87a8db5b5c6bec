import {describe, expect, it} from 'vitest';
import {asSplit, type Dataset} from '../../src/data/split.ts';
import {crop} from '../../src/data/view.ts';
import {InputError} from '../../src/errors.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {expectedLabels} from '../../src/losses/score-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {predicate, score} from '../../src/questions.ts';
import {defineRecipe} from '../../src/recipe/define.ts';
import {planMethods} from '../../src/recipe/methods.ts';
import {recipeAbout} from '../../src/recipe/questions.ts';
import type {Method, QuestionsMethod, Recipe} from '../../src/recipe/recipe.ts';
import {margin} from '../../src/select/margin.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Teacher} from '../../src/teacher.ts';
import {adam} from '../../src/train/optimizer.ts';
import {cosineDecay} from '../../src/train/schedule.ts';
import {fakeTeacher, labelled} from '../ask/fake-teacher.ts';

const blackBox = fakeTeacher({access: 'black-box', detail: {kind: 'label'}}, asked => asked.map(labelled));
const grayBox = {
  ...blackBox,
  access: 'gray-box',
  detail: {kind: 'log-probabilities'},
} as unknown as Teacher<'gray-box'>;

function data(): Dataset {
  const examples = {inputs: {kind: 'text', count: 1, texts: ['one']}, labels: Int32Array.of(0)} as const;
  const [train, validation, test] = [
    asSplit('train', examples),
    asSplit('validation', examples),
    asSplit('test', examples),
  ];
  return {classes: ['a', 'b', 'c'], train, validation, test};
}

const truth: Method = {level: 'none', method: 'truth', losses: [hardLabels()]};

/** A recipe that says everything that one can say. */
const full: Recipe = {
  name: 'mnist-2.0_a',
  data,
  transfer: {size: 10, seed: 3},
  teachers: {'black-box': () => blackBox, 'gray-box': () => grayBox},
  teacherModel: {
    directory: 'teacher',
    student: mlp(),
    preprocessing: {scale: 1 / 255},
    losses: [hardLabels()],
    seed: 1,
    training: {epochs: 2, view: crop()},
  },
  student: mlp(),
  preprocessing: {scale: 1 / 255, mean: [0.5], deviation: 0.25},
  methods: [
    truth,
    {level: 'black-box', method: 'labels', detail: {kind: 'label'}, losses: [hardLabels()]},
    {level: 'gray-box', method: 'top 3', detail: {kind: 'top-k', k: 3}, losses: [topKLabels()]},
    {level: 'gray-box', method: 'all', detail: {kind: 'logits', features: ['dense_1']}, losses: [softLabels()]},
  ],
  seeds: [1, -2],
  training: {
    epochs: 3,
    batchSize: 32,
    optimizer: adam(),
    schedule: cosineDecay(),
    clipNorm: 1,
    validateEvery: 2,
    earlyStopping: {patience: 2},
  },
  calibration: {folds: 3, agreement: 0.97, confidence: 0.9, share: 0.2},
};

/** The full recipe with the value at a path replaced. */
function withAt(path: string, value: unknown): Recipe {
  const replace = (node: unknown, [key, ...rest]: readonly string[]): unknown => {
    if (key === undefined) return value;
    if (!Array.isArray(node))
      return {...(node as object), [key]: replace((node as Record<string, unknown>)[key], rest)};
    return node.map((item, index) => (String(index) === key ? replace(item, rest) : item));
  };
  return replace(full, path.split('.')) as Recipe;
}

/** What is said against a recipe, a line a problem. */
function problemsOf(recipe: unknown): readonly string[] {
  try {
    defineRecipe(recipe as Recipe);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    const [head, ...problems] = (error as InputError).message.split('\n');
    expect(head).toBe('The recipe is not right:');
    return problems.map(problem => problem.trim());
  }
  return [];
}

describe('defineRecipe', () => {
  it('gives back a good recipe as it is', () => {
    expect(defineRecipe(full)).toBe(full);
    const least: Recipe = {
      name: 'a',
      data,
      transfer: {size: 1},
      teachers: {'black-box': () => blackBox},
      student: mlp(),
      methods: [truth],
      seeds: [0],
    };
    expect(defineRecipe(least)).toBe(least);
  });

  it('takes one length of training, not two', () => {
    expect(problemsOf(withAt('training', {steps: 500}))).toEqual([]);
    expect(problemsOf(withAt('training', {}))).toEqual([]);
    expect(problemsOf(withAt('training', {steps: 500, epochs: 3}))).toEqual([
      'training.steps: leave it out, or `epochs`',
    ]);
    expect(problemsOf(withAt('teacherModel.training', {steps: 500, epochs: 3}))).toEqual([
      'teacherModel.training.steps: leave it out, or `epochs`',
    ]);
  });

  it('takes weights of questions that it has, above 0', () => {
    expect(problemsOf(withAt('training', {questionWeights: {urgent: 2}}))).toEqual([
      'training.questionWeights: the recipe has no `questions`',
    ]);
    expect(problemsOf(withAt('training', {questionWeights: {urgent: 0}})).join()).toContain(
      'training.questionWeights.urgent: ',
    );
  });

  it.each([
    ['nmae', 'name'],
    ['transfer.sizes', 'size'],
    ['teachers.grey-box', 'gray-box'],
    ['teacherModel.directry', 'directory'],
    ['teacherModel.preprocessing.scal', 'scale'],
    ['teacherModel.training.veiw', 'view'],
    ['preprocessing.deviaton', 'deviation'],
    ['methods.0.detial', 'detail'],
    ['methods.1.loss', 'losses'],
    ['methods.2.detail.K', 'k'],
    ['methods.3.detail.feature', 'features'],
    ['training.batchsize', 'batchSize'],
    ['training.earlyStopping.patienc', 'patience'],
  ])('names the unknown key %s and the nearest known one', (path, nearest) => {
    expect(problemsOf(withAt(path, 1))).toEqual([`${path}: unknown key. Did you mean \`${nearest}\`?`]);
  });

  it('takes the number of inputs that repeatability is measured on, one at least', () => {
    expect(problemsOf({...full, repeatability: {inputs: 100}})).toEqual([]);
    expect(problemsOf({...full, repeatability: {inputs: 0}})).toHaveLength(1);
    expect(problemsOf({...full, repeatability: {inputs: 1, input: 1}})).toEqual([
      'repeatability.input: unknown key. Did you mean `inputs`?',
    ]);
  });

  it('takes methods to be tuned, and trust in scores', () => {
    const tuned = [true, {}, {temperatures: [1, 2], weights: [0.5], reduction: 2}].map((tune, place) => ({
      ...truth,
      method: `tuned ${place}`,
      tune,
    }));
    expect(problemsOf({...full, methods: tuned, trustsScores: true})).toEqual([]);
  });

  it('takes a method that asks in its own way and learns from views', () => {
    const own: Method = {level: 'black-box', method: 'own', asks: teacher => teacher, losses: [hardLabels()]};
    const views = {view: crop(), count: 3, clean: false};
    expect(problemsOf(withAt('methods.1', {...own, views}))).toEqual([]);
    expect(problemsOf(withAt('methods.1', {...own, views: {view: crop()}}))).toEqual([]);
    expect(problemsOf(withAt('methods.1', {...own, views: {view: crop(), clean: true}}))).toEqual([
      'methods.1.views.clean: is about views that are counted: give `count` as well',
    ]);
    expect(problemsOf(withAt('methods.1', {...own, asks: 3, views: {count: 0}}))).toEqual([
      'methods.1.asks: expected a function',
      'methods.1.views.view: expected a view, such as crop()',
      expect.stringMatching(/^methods\.1\.views\.count: /),
    ]);
    expect(problemsOf(withAt('methods.0', {...truth, asks: own.asks}))).toEqual([
      'methods.0.asks: true labels are asked of nobody: leave it out, or choose a level',
    ]);
  });

  it('takes a method that chooses its inputs', () => {
    const own: Method = {level: 'black-box', method: 'own', select: {by: margin()}, losses: [hardLabels()]};
    const all = {held: 5, first: 5, size: 5, explore: 0.1, among: 50, stop: {agreement: 0.95, gain: 0.001}};
    expect(problemsOf(withAt('methods.1', {...own, select: {by: margin(), ...all}}))).toEqual([]);
    expect(problemsOf(withAt('methods.1', {...own, select: {by: 'margin', stop: {gane: 1}}}))).toEqual([
      'methods.1.select.by: expected a strategy, such as margin()',
      'methods.1.select.stop.gane: unknown key. Did you mean `gain`?',
    ]);
    expect(problemsOf(withAt('methods.1', {...own, views: {view: crop(), count: 2}}))).toEqual([
      'methods.1.select: inputs are chosen as they are: leave it out, or `count` of `views`',
    ]);
    expect(problemsOf(withAt('methods.0', {...truth, select: own.select}))).toEqual([
      'methods.0.select: true labels are there for all inputs: leave it out, or choose a level',
    ]);
  });

  it('lists the known keys where none is near', () => {
    expect(problemsOf(withAt('transfer.everything', true))).toEqual([
      'transfer.everything: unknown key. Known: size, seed.',
    ]);
    expect(problemsOf(withAt('methods.1.detail', {kind: 'label', everything: 3}))).toEqual([
      'methods.1.detail.everything: unknown key. Known: kind.',
    ]);
  });

  it('does not offer the view that only a teacher may be trained with', () => {
    expect(problemsOf(withAt('training.view', crop()))).toEqual([
      expect.stringMatching(/^training\.view: unknown key\. Known: epochs, (?!.*view)/),
    ]);
  });

  it('says all that is wrong at once', () => {
    const {student: _, ...rest} = full;
    expect(problemsOf({...rest, seeds: [], sede: 1})).toEqual([
      "student: expected a function, two or more to choose among, or 'auto'",
      'seeds: give at least one seed',
      expect.stringMatching(/^sede: unknown key/),
    ]);
  });

  it.each([
    ['name', 'a b', /letters, digits/],
    ['name', '..', /letters, digits/],
    ['name', '', /letters, digits/],
    ['data', {}, /expected a function/],
    ['transfer.size', 0, />=1/],
    ['transfer.size', 1.5, /int/],
    ['teachers', undefined, /expected object/],
    ['teachers.gray-box', blackBox, /expected a function/],
    ['student', 'mlp', /expected a function/],
    ['student', [mlp()], /two or more to choose among/],
    ['student', [mlp(), 'mlp'], /two or more to choose among/],
    ['preprocessing', 'standardize', /expected `'standardise'`, or an object/],
    ['preprocessing', {means: 0}, /unknown key\. Did you mean `mean`\?/],
    ['preprocessing.scale', '1/255', /expected number/],
    ['preprocessing.mean', 'zero', /a number, or one a channel/],
    ['preprocessing.mean', [0, 'zero'], /a number, or one a channel/],
    ['methods.0.level', 'grey-box', /none.*black-box.*gray-box.*white-box/],
    ['methods.0.losses', [], /give at least one loss/],
    ['methods.0.losses.0', hardLabels, /expected a loss, such as/],
    ['methods.1.detail.kind', 'topk', /'top-k'/],
    ['methods.2.detail.k', 0, />=1/],
    ['methods.0.tune', false, /expected `true`, or an object with `temperatures`/],
    ['methods.0.tune', {temperatures: []}, /tune\.temperatures: give at least one value/],
    ['methods.0.tune', {weights: [0]}, /tune\.weights\.0: .*>0/],
    ['methods.0.tune', {reduction: 1}, /tune\.reduction: .*>=2/],
    ['methods.0.tune', {temperature: [1]}, /unknown key\. Did you mean `temperatures`\?/],
    ['calibration', {agreement: 1}, /agreement: nothing proves that no answer differs: give a share below 1/],
    ['calibration', {confidence: 1}, /confidence: no number of answers makes certain/],
    ['calibration', {confidence: 0}, /confidence: .*>0/],
    ['calibration', {share: 0.6}, /share: more train than calibrate/],
    ['calibration', {folds: 1}, /folds: .*>=2/],
    ['assistant', {}, /assistant: give it an `encoder` for texts, or `model` and `feature` for tensors/],
    ['assistant', {encoder: 'mine', feature: 'pool'}, /assistant: give it an `encoder`/],
    ['assistant', {model: 'a file', feature: 'pool'}, /assistant\.model: expected a function/],
    ['assistant', {encoder: 'mine', unlabelled: 0}, /unlabelled: .*>=1/],
    ['trustsScores', 'yes', /expected boolean/],
    ['seeds.0', '1', /expected number/],
    ['seeds.0', 0.5, /int/],
    ['training', {steps: 0}, /steps: .*>=1/],
    ['training.epochs', 0, />=1/],
    ['training.optimizer', 'adam', /expected an optimizer, such as adam\(\)/],
    ['training.schedule', 0.1, /expected a function/],
    ['training.clipNorm', 0, />0/],
    ['teacherModel.training.view', 'crop', /expected a view, such as crop\(\)/],
  ])('refuses %s = %j', (path, value, said) => {
    const problems = problemsOf(withAt(path, value));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(said);
    expect(problems[0]).toMatch(new RegExp(`^${path.replace('.', '\\.')}`));
  });

  describe('with several questions', () => {
    const questions = [predicate('new', 'Is it new?'), score('stars', 'How many?', ['one', 'two'])];
    const {teacherModel: _, student: __, ...others} = full;
    const withMethod = (changes: Partial<QuestionsMethod>): Recipe => {
      const method = {level: 'gray-box', method: 'own', losses: [softLabels()], ...changes} as const;
      return {
        ...others,
        student: mlp(),
        questions,
        training: {steps: 3},
        check: undefined,
        methods: [method],
      } as Recipe;
    };
    const losses = {new: [hardLabels()], stars: [expectedLabels()]};

    it('takes losses and details by question, and gives each question its own', () => {
      const recipe = defineRecipe(withMethod({losses, detail: {new: {kind: 'label'}}}));
      const [ofNew, ofStars] = questions.map(question => recipeAbout(recipe, question).methods[0]!);
      expect(ofNew).toEqual({level: 'gray-box', method: 'own', detail: {kind: 'label'}, losses: losses.new});
      expect(ofStars).toEqual({level: 'gray-box', method: 'own', losses: losses.stars});
      expect(planMethods([ofStars!]).methods[0]!.detail).toEqual({kind: 'expected'});
    });

    it.each<[string, Partial<QuestionsMethod>, string]>([
      ['without a question', {losses: {new: [hardLabels()]}}, 'methods.0.losses: has none for question `stars`'],
      ['of an unknown question', {losses: {...losses, star: [hardLabels()]}}, 'methods.0.losses.star: no question has'],
      ['that are none', {losses: {...losses, stars: []}}, 'methods.0.losses.stars: give at least one loss'],
      ['with an unknown detail', {losses, detail: {start: {kind: 'label'}}}, 'Did you mean `stars`?'],
      ['with a wrong detail', {losses, detail: {new: {kind: 'top-k', k: 0}}}, 'methods.0.detail.new.k: '],
    ])('refuses losses %s', (_, changes, message) => {
      expect(problemsOf(withMethod(changes))).toEqual([expect.stringContaining(message)]);
    });

    it('refuses them in a recipe of one question', () => {
      const {questions: _, ...single} = withMethod({losses});
      expect(problemsOf(single)).toEqual(['methods.0.losses: is by question, and the recipe has no `questions`']);
      expect(() => planMethods(single.methods)).toThrow('Method `own` has losses by question.');
    });
  });

  it.each([undefined, null, 'recipe.ts', [full], () => full])('refuses %s in the place of a recipe', value => {
    expect(problemsOf(value)).toEqual([expect.stringMatching(/^it: .*expected object/)]);
  });

  it('wants a teacher for every level that a method names, or one that shows more', () => {
    const teachers = {'black-box': full.teachers['black-box']};
    const missing = [2, 3].map(
      index => `methods.${index}.level: add a gray-box teacher to \`teachers\`, or one that shows more`,
    );
    expect(problemsOf({...full, teachers})).toEqual(missing);
    expect(problemsOf({...full, teachers: {...teachers, 'gray-box': undefined}})).toEqual(missing);
    expect(problemsOf({...full, teachers: {'gray-box': full.teachers['gray-box']}})).toEqual([]);
  });

  it('wants a teacher even where every method learns from true labels: students are measured against it', () => {
    expect(problemsOf({...full, methods: [truth], teachers: {}})).toEqual([
      expect.stringMatching(/^teachers: give one/),
    ]);
  });

  it('wants at least one method, and no two of one name', () => {
    expect(problemsOf({...full, methods: []})).toEqual(['methods: give at least one method']);
    const methods = [...full.methods, {...truth, level: 'gray-box'}];
    expect(problemsOf({...full, methods})).toEqual(['methods.4.method: two methods are called `truth`']);
  });

  it.each(['labels!', '(labels)', 'Labels'])(
    'refuses a method %s beside `labels`: both would be saved in one folder',
    method => {
      const problems = problemsOf({...full, methods: [...full.methods, {...truth, method}]});
      expect(problems).toEqual([expect.stringMatching(/^methods\.4\.method: .*folder.*`labels`/)]);
    },
  );

  it.each(['..', '.', '!?'])('refuses the method name %s, which makes no folder', method => {
    expect(problemsOf({...full, methods: [{...truth, method}]})).toEqual([
      expect.stringMatching(/^methods\.0\.method: /),
    ]);
  });

  it('refuses a seed that stands twice', () => {
    expect(problemsOf({...full, seeds: [1, 2, 1]})).toEqual(['seeds: a seed stands twice']);
  });
});
