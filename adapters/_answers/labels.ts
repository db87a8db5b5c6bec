import {TeacherError, type TeacherErrorDetails} from '../../src/errors.ts';
import type {Answer, LabelAnswer} from '../../src/teacher.ts';
import {aliasIndex, type LabelWords, type UnknownLabel, unknownLabel, withHint} from './aliases.ts';
import type {Misread} from './nature.ts';

/** The reason that there is no answer: sentences, sentences with the label, or that the scores are of another kind. */
export type Unread = string | UnknownLabel | Misread;

export function isUnread(read: Answer | Unread): read is Unread {
  return typeof read === 'string' || 'problem' in read;
}

/** Returns the error for a reply that can't be read. */
export function unreadError(teacher: string, unread: Unread, details: TeacherErrorDetails): TeacherError {
  if (typeof unread === 'string') return new TeacherError(teacher, unread, details);
  // Another attempt would give such scores again.
  if ('misread' in unread)
    return new TeacherError(teacher, unread.problem, {...details, unreadable: false, misread: true});
  return new TeacherError(teacher, withHint(unread), {...details, said: unread.said});
}

export type LabelReader = (value: unknown) => LabelAnswer | Unread;

/** Returns a reader of a class index, of a class name as the teacher writes it, or of an alias. */
export function labelReader(words: LabelWords): LabelReader {
  const {classes, labels = classes} = words;
  const aliased = aliasIndex(words);
  const indices = new Map([...aliased, ...labels.map((name, index) => [name, index] as const)]);
  const isLabel = (label: unknown): label is number =>
    typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classes.length;
  return value => {
    const label = typeof value === 'string' ? indices.get(value) : isLabel(value) ? value : aliased.get(String(value));
    if (isLabel(label)) return {kind: 'label', label};
    const problem = `It gave a label outside the class list of ${classes.length}`;
    const advice = 'Check `classes`, names and order.';
    if (typeof value !== 'string' && typeof value !== 'number') return `${problem}. ${advice}`;
    return unknownLabel(String(value), words, problem, advice);
  };
}

/** Returns the function that gives the class of a text by the teacher's words, see `Service.labelOf`. */
export function labelOfText(words: LabelWords): (text: string) => number | undefined {
  const read = labelReader(words);
  return text => {
    const label = read(text.trim());
    return isUnread(label) ? undefined : label.label;
  };
}

/**
 * Returns a reader of class indices and names for a program without a protocol. It does not take a number for an index
 * if the number is the name of another class, as with the classes `1`, `2`, `3`.
 */
export function plainLabelReader(words: LabelWords): LabelReader {
  const {classes, labels = classes} = words;
  const labelOf = labelReader(words);
  return value => {
    if (typeof value !== 'number' || labels[value] === String(value) || !labels.includes(String(value))) {
      return labelOf(value);
    }
    return `It gave the number ${value}, which is the name of one class and can be the index of another. Give names.`;
  };
}
