import type {Difference} from '../evaluate/compare-scores.ts';
import type {Judgement} from '../evaluate/judge.ts';
import type {Level} from '../levels.ts';

/** An earlier study, laid beside this one. */
export interface EarlierStudy {
  readonly name: string;
  /** ISO 8601. */
  readonly finishedAt: string;
  /** The version of limbeck that it was made by. */
  readonly limbeck: string;
  /** Sentences that say what is not the same in both studies, and what could not be compared. */
  readonly differences: readonly string[];
  /**
   * One for each measure, method and budget that both studies have, in this order. The verdicts on one measure hold
   * together. Empty if the classes differ.
   */
  readonly changes: readonly StudyChange[];
}

/** A number of one method in both studies; `difference` is this study's less the earlier one's. */
export interface StudyChange extends Omit<Difference, 'variance'>, Judgement {
  readonly level: Level;
  readonly method: string;
  /** Number of inputs. */
  readonly budget: number;
  readonly measure: 'agreement' | 'accuracy';
  /** In the earlier study. */
  readonly before: MeanShare;
  readonly after: MeanShare;
}

/** The mean of a share over the seeds of a method. */
export interface MeanShare {
  readonly mean: number;
  /** At 95 %, over other seeds and other test inputs. */
  readonly interval: readonly [low: number, high: number];
}
