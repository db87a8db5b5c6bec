import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {startEngine} from 'limbeck';
import {beforeAll, describe, expect, it} from 'vitest';
import * as figures from '../docs/figures/curves.ts';
import type {Point} from '../docs/figures/figure.ts';
import {read, root} from './pages.ts';

beforeAll(async () => {
  await startEngine();
});

const on = (points: readonly Point[], curve: string, panel?: string): readonly Point[] =>
  points.filter(point => point.curve === curve && point.panel === panel);
const highest = (points: readonly Point[]): number => Math.max(...points.map(({y}) => y));
const lowestAt = (points: readonly Point[]): number =>
  points.reduce((best, point) => (point.y < best.y ? point : best)).x;

describe('what the page of theory says', () => {
  it('has a figure of each curve, which is drawn', () => {
    const page = read('docs/theory.md');
    for (const {name} of Object.values(figures).map(figure => figure())) {
      expect(page).toContain(`](figures/${name}.svg)`);
      expect(existsSync(join(root, 'docs/figures', `${name}.svg`))).toBe(true);
    }
  });

  it('holds of T²: with it the gradient stays of one size, without it falls', () => {
    const {points} = figures.temperatureSquared();
    const [first, last] = [on(points, 'with T²')[40]!, on(points, 'with T²').at(-1)!];
    expect(last.y / first.y).toBeGreaterThan(0.7);
    expect(on(points, 'without T²').at(-1)!.y).toBeLessThan(0.01 * on(points, 'without T²')[0]!.y);
  });

  it('holds of smoothing: the least loss is at a finite margin', () => {
    const {points} = figures.hardLabels();
    expect(lowestAt(on(points, 'smoothing 0'))).toBe(10);
    expect(lowestAt(on(points, 'smoothing 0.1'))).toBeLessThan(5);
  });

  it('holds of the divergences: each is least at the teacher', () => {
    const {points, curves} = figures.divergences();
    for (const curve of curves) expect(lowestAt(on(points, curve))).toBeCloseTo(0.7, 1);
  });

  it('holds of DKD: soft labels mute the other classes of a sure teacher, DKD does not', () => {
    const {points} = figures.decoupled();
    expect(on(points, 'within soft labels').at(-1)!.y).toBeLessThan(0.01);
    expect(on(points, 'DKD, β = 1').at(-1)!.y).toBeCloseTo(on(points, 'DKD, β = 1')[0]!.y, 4);
  });

  it('holds of the rest: zero teaches a student to be surer than its teacher', () => {
    const {points} = figures.topK();
    expect(lowestAt(on(points, 'all classes'))).toBeCloseTo(1, 1);
    expect(lowestAt(on(points, 'top 3, bucket'))).toBeCloseTo(1, 1);
    expect(lowestAt(on(points, 'top 3, zero'))).toBeGreaterThan(1.03);
  });

  it('holds of the scale of logits: standardised terms do not see it', () => {
    const {points} = figures.scale();
    expect(highest(on(points, 'standardised'))).toBeLessThan(1e-4);
    expect(highest(on(points, 'DIST'))).toBeLessThan(highest(on(points, 'soft labels, T = 4')));
  });

  it.each(['scaled by 1 + x', 'rotated by x · 90°'])(
    'holds of relations between features %s: they do not see it',
    panel => {
      const {points} = figures.features();
      for (const curve of ['RKD', 'similarity preserving', 'PKT'])
        expect(highest(on(points, curve, panel))).toBeLessThan(1e-3);
      expect(highest(on(points, 'hint without a map', panel))).toBeGreaterThan(1);
    },
  );
});
