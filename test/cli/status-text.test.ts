import {describe, expect, it} from 'vitest';
import {statusText} from '../../src/cli/status.ts';
import type {ServiceStatus} from '../../src/serve/status.ts';

const audits = {audited: 0, deferred: 0, lost: 0, agreement: null};
const alone: ServiceStatus = {
  ...{model: 'mails', version: 'a', mode: 'student', demoted: null, promise: null},
  ...{answered: 0, local: 0, coverage: null, strange: 0, audits, teacher: null},
};

describe('statusText', () => {
  it('says of a student alone how much it answered', () => {
    expect(statusText(alone)).toBe('mails, mode student\nCoverage      nothing answered yet');
  });

  it('says all that is known of a cascade', () => {
    const status: ServiceStatus = {
      ...{model: 'mails', version: 'a', mode: 'cascade', demoted: true},
      ...{answered: 2000, local: 1500, coverage: 0.75, strange: 12},
      promise: {
        ...{agreement: 0.97, confidence: 0.95, since: '2026-11-30T10:00:00.000Z'},
        kept: {share: 0.9, low: 0.85, high: 0.94, of: 400},
        lastChange: {demoted: true, at: '2026-11-30T10:00:00.000Z', compared: 143, broken: 12},
      },
      audits: {audited: 300, deferred: 100, lost: 2, agreement: {share: 0.88, low: 0.8, high: 0.93, of: 300}},
      teacher: {
        ...{name: 'far', calls: 700, saved: 1500, usd: 1.4, savedUsd: 3},
        repeatability: {share: 1, low: 0.9, high: 1, of: 40},
      },
    };
    expect(statusText(status).split('\n')).toEqual([
      'mails, mode cascade, the student is demoted',
      'Coverage      75 % here: 1,500 of 2,000, 12 unlike the training texts',
      'Agreement     90 % (85.0–94.0) of 400 inputs since 30 November 2026, 10:00 UTC; 97 % promised at 95 % confidence',
      'Last change   2026-11-30T10:00:00.000Z The student is demoted, and the teacher answers everything: 12 of 143 compared ' +
        "answers were its own and not the teacher's, but 3 % were promised at most.",
      'Audits        300 sure answers, the teacher says the same of 88 % (80.0–93.0) · 100 left to the teacher · ' +
        '2 lost, the teacher did not answer',
      'Teacher       far: 700 calls, $1.40',
      'Saved         1,500 calls, $3.00',
      'Repeatability 100 % (90.0–100.0) of 40 inputs are answered alike when asked twice',
    ]);
  });

  it('says of each of several questions how it stands', () => {
    const counts = {answered: 200, local: 150, coverage: 0.75, abstained: 0, audits};
    const since = '2026-11-30T10:00:00.000Z';
    const promise = {agreement: 0.97, confidence: 1 - 0.05 / 2, since, kept: null, lastChange: null};
    const lastChange = {demoted: true, at: since, compared: 143, broken: 12};
    const questions = [
      {name: 'topic', ...counts, demoted: null, promise: null},
      {name: 'mood', ...counts, demoted: false, promise},
      {name: 'urgent', ...counts, demoted: true, promise: {...promise, lastChange}},
    ];
    const status = {...alone, mode: 'cascade', demoted: true, questions} as const;
    const agreement =
      '  Agreement   nothing compared since 30 November 2026, 10:00 UTC; 97 % promised at 97.5 % confidence';
    expect(statusText(status).split('\n')).toEqual([
      'mails, mode cascade, the student is demoted on urgent',
      'Coverage      nothing answered yet',
      'topic         75 % here: 150 of 200',
      'mood          75 % here: 150 of 200',
      agreement,
      'urgent        75 % here: 150 of 200',
      agreement,
      `  Last change ${since} The student is demoted on \`urgent\`, and the teacher answers that question: 12 of 143 ` +
        "compared answers were its own and not the teacher's, but 3 % were promised at most.",
    ]);
    const kept = {...status, demoted: false, questions: questions.slice(0, 2)};
    expect(statusText(kept)).toMatch(/^mails, mode cascade, the student keeps its promises\n/);
  });
});
