import {describe, expect, it} from 'vitest';
import {jointCautions, jointHeadline, jointSetting} from '../../../src/study/report/joint-summary.ts';
import {sampleQuestions} from '../sample-questions.ts';

describe('jointHeadline', () => {
  it('says which method agrees most on all questions, and how it compares with labels', () => {
    const results = sampleQuestions('out', {methods: 5, seeds: [1, 2, 3, 4, 5, 6]});
    const best = results.joint.toSorted((one, other) => other.agreement - one.agreement)[0]!;
    const pair = results.verdicts.find(({a, b}) => a === 'labels' && b === best.method)!;
    expect(pair.verdict).toBe('worse');
    const [share, by] = [best.agreement, -pair.difference].map(value => (100 * value).toFixed(2)) as [string, string];
    const headline = jointHeadline(results).replaceAll('\u00a0', ' ');
    expect(headline).toContain(
      `“${best.method}” agrees with the teacher on all 3 questions of ${share} % of test inputs (95 % interval `,
    );
    expect(headline).toContain(`), the most of 5 methods. That is ${by} points more often than “labels” (`);
  });

  it('leaves open what few seeds leave open, and takes the verdict at the largest budget', () => {
    const results = sampleQuestions('out', {methods: 3, seeds: [1, 2], sizes: [500, 2000]});
    const last = results.verdicts.findLast(({a, b}) => a === 'labels' && b === 'top-3 with rest')!;
    expect(last).toMatchObject({budget: 2000, verdict: 'too few seeds to say'});
    const [low, high] = [-last.high, -last.low].map(value => `${(100 * Math.abs(value)).toFixed(2)}`) as [
      string,
      string,
    ];
    expect(jointHeadline(results)).toMatch(
      new RegExp(
        `There are too few seeds to say whether it differs from “labels” \\(.* interval [−+]?${low} to [−+]?${high} points\\)`,
      ),
    );
  });

  it('names the hardest question if there is nothing to compare with', () => {
    const results = sampleQuestions('out', {methods: 1});
    const [share] = results.questions[2]!.results.rows.map(({agreement}) => agreement);
    expect(share).toBeLessThan(results.questions[0]!.results.rows[0]!.agreement);
    expect(jointHeadline(results)).toMatch(/The question that it has right least often is “mood”: \d\d\.\d\d/);
    expect(jointSetting(results)).toBe(
      'One student that answers 3 questions at once, taught in 1 way by 2,000 inputs, with 3 seeds each.',
    );
  });
});

describe('jointCautions', () => {
  it('says how far verdicts hold together, which inputs lack answers, and which runs failed', () => {
    const sample = sampleQuestions('out', {methods: 3, seeds: [1]});
    const failures = [{level: 'none', method: 'true labels', seed: 2, reason: 'No.'}] as const;
    const cautions = jointCautions({...sample, missing: {none: 3, some: 20, total: 400}, failures});
    expect(cautions).toEqual([
      '3 of 400 test inputs have no answer to any question, and nothing is measured on them.',
      '20 of 400 test inputs have answers to some of the questions: agreement on all questions is that on these.',
      expect.stringContaining('1 run failed'),
      expect.stringContaining('Each student was trained once.'),
      expect.stringContaining('The 3 verdicts on all questions together are corrected for their number'),
      expect.stringContaining('“topic”, “urgent” and “mood” stand in their own reports'),
    ]);
  });
});
