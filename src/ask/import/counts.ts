import type {LogFields, LoggedRecord} from '../../data/logs/record.ts';
import type {ImportedFrom} from '../../store/stored-answer.ts';
import {oneLine} from '../notes.ts';
import type {ReadLogged} from './read-logged.ts';

/** Why a record of a log is not imported. */
export type Refusal = 'notJson' | 'failed' | 'noText' | 'unknownLabel' | 'tooLittle' | 'unreadable';

/** A reason for which records were left out. */
export interface Refused {
  readonly reason: Refusal;
  count: number;
  /** Where the first one is. */
  readonly first: string;
  /** What the first one said, if that tells more. */
  readonly why: string | undefined;
}

/** Two records about one text with different labels. */
export interface Conflict {
  readonly labels: readonly [first: string, second: string];
  readonly lines: readonly number[];
}

/** How many conflicts are told. */
const TOLD = 5;

/** How many different labels, models and mappings are counted apart; a log of free texts as labels has no end of them. */
const APART = 1000;

/** What became of the records of logs. `records` is the sum of `imported`, `kept`, `repeated`, `conflicting` and all refused. */
export class ImportCounts {
  records = 0;
  imported = 0;
  /** Kept before, and left as they are. */
  kept = 0;
  /** Of the imported ones, those that replaced a kept answer. */
  replaced = 0;
  /** Records about a text that another record has, with the same label. */
  repeated = 0;
  /** The same, with another label. */
  conflicting = 0;
  /** Texts that were asked about with the teacher's own prompt and model. */
  ownPrompts = 0;
  /** The named fields that records had. */
  readonly seen: Set<keyof LogFields> = new Set();
  readonly conflicts: Conflict[] = [];
  readonly refused: Map<Refusal, Refused> = new Map();
  /** Labels outside the class list. */
  readonly unknownLabels: Map<string, number> = new Map();
  readonly models: Map<string, number> = new Map();
  /** How often text and answer were found in these fields. */
  readonly mappings: Map<string, number> = new Map();

  refuse(reason: Refusal, at: string, why?: string): undefined {
    const known = this.refused.get(reason);
    if (known) known.count++;
    else this.refused.set(reason, {reason, count: 1, first: at, why});
    return undefined;
  }

  unread(read: Exclude<ReadLogged, {readonly detail: unknown}>, at: string): undefined {
    if ('unknownLabel' in read) {
      countOne(this.unknownLabels, oneLine(read.unknownLabel));
      return this.refuse('unknownLabel', at);
    }
    if ('tooLittle' in read) return this.refuse('tooLittle', at, read.tooLittle);
    return this.refuse('unreadable', at, read.unreadable);
  }

  saw({foundIn: {text, answer}, model}: LoggedRecord): void {
    countOne(this.mappings, `text from \`${text}\`, answer from \`${answer}\``);
    if (model !== undefined) countOne(this.models, model);
  }

  repeats(labels: readonly [first: string, second: string], origins: readonly ImportedFrom[]): void {
    if (labels[0] === labels[1]) {
      this.repeated++;
      return;
    }
    this.conflicting++;
    if (this.conflicts.length < TOLD) this.conflicts.push({labels, lines: origins.map(({line}) => line)});
  }
}

function countOne(counts: Map<string, number>, name: string): void {
  const known = counts.get(name);
  if (known !== undefined || counts.size < APART) counts.set(name, (known ?? 0) + 1);
}
