import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {writeQuestions} from '../study/sample-questions.ts';
import {sampleResults} from '../study/sample-results.ts';
import {workplace} from './limbeck.ts';

const {folder, run} = workplace();

describe('limbeck check', () => {
  let study: string;

  beforeAll(() => {
    study = join(folder(), 'study');
    mkdirSync(study);
    const conditions = [{measure: 'agreement', operator: '>=', value: 0.97, level: 'white-box'}];
    writeFileSync(join(study, 'results.json'), JSON.stringify({...sampleResults(), conditions}));
  });

  it('ends with 0 if all conditions hold, and with 1 if one is broken, which it names with its figure', async () => {
    const [holding, broken] = await Promise.all([
      run(['check', study, '--agreement', '>= 93%', '--kl-to-teacher', '< 0.3']),
      run(['check', join(study, 'results.json'), '--agreement', '>= 93%', '--accuracy', '> 0.99', '--json']),
    ]);
    expect(holding).toMatchObject({code: 0, stderr: ''});
    expect(holding.stdout).toMatch(
      /✓ agreement of “logits \+ feature hint” .*\n✓ klToTeacher .*\nAll conditions hold\./,
    );
    expect(broken.code).toBe(1);
    const {holds, conditions} = JSON.parse(broken.stdout);
    expect(holds).toBe(false);
    expect(conditions).toMatchObject([
      {measure: 'agreement', holds: true},
      {measure: 'accuracy', operator: '>', value: 0.99, method: 'logits + feature hint', holds: false},
    ]);
    expect(conditions[1].figure).toBeCloseTo(0.9333, 2);
  });

  it('checks the conditions of the recipe if it is given none, within the scope of the flags', async () => {
    const [own, scoped] = await Promise.all([
      run(['check', study]),
      run(['check', study, '--method', 'labels', '--level', 'black-box']),
    ]);
    expect(own).toMatchObject({code: 1, stderr: ''});
    expect(own.stdout).toMatch(
      /✗ agreement of “logits \+ feature hint” \(white-box\): 93.*\nBroken: 1 of 1 condition\./,
    );
    expect(scoped.stdout).toMatch(/✗ agreement of “labels” \(black-box\): 91/);
  });

  it('checks a study of several questions: each, one of them, or all together', async () => {
    const several = join(folder(), 'several');
    writeQuestions(several, {methods: 3});
    const [all, one] = await Promise.all([
      run(['check', several, '--joint-agreement', '>= 80%', '--agreement', '>= 94%']),
      run(['check', join(several, 'joint.json'), '--question', 'topic', '--agreement', '>= 94%']),
    ]);
    expect(all.code).toBe(1);
    expect(all.stdout).toMatch(/✗ agreement of “top-3 with rest” \(gray-box\) on mood: /);
    expect(all.stdout).toMatch(/✓ jointAgreement of “top-3 with rest” /);
    expect(all.stdout).toMatch(/✓ agreement of “top-3 with rest” \(gray-box\) on topic: /);
    expect(one).toMatchObject({code: 0, stderr: ''});
    expect(one.stdout).not.toContain(' on mood');
  });

  it('refuses what it cannot check with a message and no stack trace', async () => {
    const refused = await Promise.all([
      run(['check', study, '--agrement', '>= 93%']),
      run(['check', study, '--agreement', '93%']),
      run(['check', folder()]),
    ]);
    expect(refused.map(({code}) => code)).toEqual([1, 1, 1]);
    const [unknown, syntax, nothing] = refused.map(({stderr}) => stderr);
    expect(unknown).toContain('Did you mean --agreement?');
    expect(syntax).toMatch(/^limbeck: The condition `93%` on agreement is not an operator/);
    expect(nothing).toMatch(/^limbeck: .*results\.json is not there/);
    for (const text of [syntax, nothing]) expect(text).not.toContain('    at ');
  });
});
