/** Two language detectors in JavaScript as teachers, as somebody would take them who has them: through `callable`. */
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {eld} from 'eld/small';
import {franc, francAll} from 'franc';
import {describe, expect, it} from 'vitest';
import {callable} from '../../adapters/callable.ts';
import {openAsking} from '../../src/ask/asking.ts';
import {collect} from '../../src/ask/collect.ts';
import {cascade} from '../../src/ask/compose/cascade.ts';
import type {Answer, Input, Outcome, Teacher} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {floats, problemsIn, text} from './replay.ts';

/** Names of eld, and by them those of franc. */
const codes = {de: 'deu', en: 'eng', es: 'spa', fr: 'fra', nl: 'nld', pl: 'pol', ru: 'rus', sv: 'swe'};
const classes = Object.keys(codes);
const nameOf = new Map(Object.entries(codes).map(([name, code]) => [code, name]));
const only = [...nameOf.keys()];

const sentences: Readonly<Record<string, readonly string[]>> = {
  de: ['Wo ist der nächste Bahnhof, und wann fährt der letzte Zug?', 'Das Wetter wird morgen wieder schön.'],
  en: ['Where is the nearest station, and when does the last train leave?', 'The weather will be fine tomorrow.'],
  es: ['¿Dónde está la estación más cercana y a qué hora sale el último tren?', 'Mañana volverá a hacer buen tiempo.'],
  fr: ['Où est la gare la plus proche, et quand part le dernier train ?', 'Demain, il fera de nouveau beau temps.'],
  nl: [
    'Waar is het dichtstbijzijnde station en hoe laat vertrekt de laatste trein?',
    'Morgen wordt het weer mooi weer.',
  ],
  pl: ['Gdzie jest najbliższy dworzec i o której odjeżdża ostatni pociąg?', 'Jutro znowu będzie ładna pogoda.'],
  ru: ['Где находится ближайший вокзал и когда уходит последний поезд?', 'Завтра снова будет хорошая погода.'],
  sv: ['Var ligger närmaste järnvägsstation och när går det sista tåget?', 'I morgon blir det vackert väder igen.'],
};
const texts = Object.values(sentences).flat();
const queries = texts.map(text);

const detector = eld.newInstance();
detector.setLanguageSubset(classes);

const textOf = (input: Input): string => {
  if (input.kind !== 'text') throw new Error('reads texts alone');
  return input.text;
};

type Scores = Readonly<Record<string, number>>;

const eldScores = (value: string): Scores => detector.detect(value).getScores();
const francScores = (value: string): Scores =>
  Object.fromEntries(francAll(value, {only}).map(([code, score]) => [nameOf.get(code) ?? code, score]));

/**
 * Neither gives probabilities: eld gives a similarity, franc one relative to the best. Their shares are a distribution,
 * with 0 for the languages that they see no trace of.
 */
const shares = (scores: Scores): Scores => {
  const all = {...Object.fromEntries(classes.map(name => [name, 0])), ...scores};
  const sum = Object.values(all).reduce((total, score) => total + score, 0);
  return Object.fromEntries(Object.entries(all).map(([name, score]) => [name, score / sum]));
};

const eldOptions = {name: 'eld', version: '2.1.0 small', classes};
const francOptions = {name: 'franc', version: '6.2.0', classes};
const labels = {
  eld: () => callable({...eldOptions, answer: input => detector.detect(textOf(input)).language}),
  franc: () =>
    callable({...francOptions, answer: input => nameOf.get(franc(textOf(input), {only})) ?? 'none of the classes'}),
};
const scores = {
  eld: () => callable({...eldOptions, scores: 'probabilities', answer: input => shares(eldScores(textOf(input)))}),
  franc: () =>
    callable({...francOptions, scores: 'probabilities', answer: input => shares(francScores(textOf(input)))}),
};

async function answersOf(teacher: Teacher): Promise<Answer[]> {
  const outcomes: Outcome[] = [];
  for (const query of queries) outcomes.push(...(await teacher.ask([query])));
  return outcomes.map(outcome => {
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  });
}

/** Returns a distribution over all classes, in their order. */
function probabilitiesIn(answer: Answer): readonly number[] {
  if (answer.kind !== 'log-probabilities') throw new Error(`an answer of ${answer.kind}`);
  return Array.from(answer.logProbabilities, Math.exp);
}

describe.each([
  ['eld, which gives a label', labels.eld],
  ['franc, which gives a label', labels.franc],
  ['eld, which gives scores', scores.eld],
  ['franc, which gives scores', scores.franc],
])('%s', (_, teacher: () => Teacher) => {
  testTeacher({it, teacher, queries, badQuery: floats(1, 2)});
});

describe('language detectors as teachers', () => {
  it('give the labels that the libraries give', async () => {
    expect(await answersOf(labels.eld())).toEqual(
      texts.map(value => ({kind: 'label', label: classes.indexOf(detector.detect(value).language)})),
    );
    expect(await answersOf(labels.franc())).toEqual(
      texts.map(value => ({kind: 'label', label: classes.indexOf(nameOf.get(franc(value, {only}))!)})),
    );
  });

  it('know the languages of these sentences: eld all, franc most', async () => {
    const right = async (teacher: Teacher) =>
      (await answersOf(teacher)).filter(
        (answer, row) => answer.kind === 'label' && answer.label === Math.floor(row / 2),
      );
    expect(await right(labels.eld())).toHaveLength(16);
    expect((await right(labels.franc())).length).toBeGreaterThanOrEqual(14);
  });

  it.each(['eld', 'franc'] as const)('give the scores of %s, as shares', async library => {
    const scoresOf = {eld: eldScores, franc: francScores}[library];
    for (const [row, answer] of (await answersOf(scores[library]())).entries()) {
      const own = scoresOf(texts[row]!);
      const sum = Object.values(own).reduce((total, score) => total + score, 0);
      for (const [label, probability] of probabilitiesIn(answer).entries()) {
        expect(probability * sum).toBeCloseTo(own[classes[label]!] ?? 0, 5);
      }
    }
  });

  it('fail alone if there is nothing to detect', async () => {
    expect(problemsIn(await labels.eld().ask([text('12345')]))).toEqual([expect.stringContaining('Got: "".')]);
    expect(problemsIn(await scores.eld().ask([text('12345')]))).toEqual([
      expect.stringContaining('It gave NaN or an infinite value.'),
    ]);
    expect(problemsIn(await labels.franc().ask([text('ab')]))).toEqual([
      expect.stringContaining('Got: "none of the classes".'),
    ]);
    expect(problemsIn(await scores.franc().ask([text('ab')]))).toEqual([
      expect.stringContaining('outside the class list of 8'),
    ]);
  });

  it('make a cascade, of which every answer is kept', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-languages-'));
    const run = async () => {
      const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
      const {teacher, ledger} = asking.open(cascade([scores.franc(), labels.eld()], {margin: 0.04}));
      const inputs = {kind: 'text', count: texts.length, texts} as const;
      const {answers} = await collect(teacher, {role: 'transfer', inputs});
      await asking.close();
      return {answers, ledger: ledger.snapshot()};
    };
    try {
      const unsure = (await answersOf(scores.franc())).filter(answer => {
        const [best = 0, next = 0] = [...probabilitiesIn(answer)].sort((a, b) => b - a);
        return best - next < 0.04;
      });
      expect(unsure.length).toBeGreaterThan(0);
      const first = await run();
      expect(first.answers).toMatchObject({
        kind: 'label',
        labels: Int32Array.from(texts, (_, row) => Math.floor(row / 2)),
      });
      expect(first.ledger).toMatchObject({bought: texts.length + unsure.length, cached: 0});
      const again = await run();
      expect(again).toMatchObject({answers: first.answers, ledger: {bought: 0, calls: 0}});
    } finally {
      await rm(folder, {recursive: true});
    }
  });
});
