import {joinDetails} from '../knowledge/coarsen.ts';
import {LEVELS} from '../levels.ts';
import {methodFolder} from '../recipe/method-folder.ts';
import type {Method, Recipe} from '../recipe/recipe.ts';
import type {Access, Detail, Teacher} from '../teacher.ts';
import {detailOfMethod} from './methods.ts';

/** What one teacher is asked about one set of inputs: for the methods of a level together, or for one alone. */
export interface Inquiry {
  readonly level: Access;
  /** The method that asks in its own way; undefined where those of a level share what it is asked. */
  readonly own: Method | undefined;
  /** All that learn from the answers. */
  readonly methods: readonly Method[];
}

/** What a study asks to learn from: by level from the one that shows least, what methods share before what they don't. */
export function inquiriesOf({methods}: Recipe): readonly Inquiry[] {
  return LEVELS.flatMap((level): readonly Inquiry[] => {
    const all = methods.filter(method => method.level === level);
    const [own, sharing] = [all.filter(asksItself), all.filter(method => !asksItself(method))];
    return [
      ...(sharing.length > 0 ? [{level, own: undefined, methods: sharing}] : []),
      ...own.map(method => ({level, own: method, methods: [method]})),
    ];
  });
}

/** What a method of a level learns from. */
export function inquiryOf(recipe: Recipe, method: Method): Inquiry {
  return inquiriesOf(recipe).find(inquiry => learnsFrom(inquiry, method))!;
}

/** Whether a method learns from what an inquiry brings. */
export function learnsFrom({methods}: Inquiry, {method: name}: Method): boolean {
  return methods.some(({method}) => method === name);
}

/** Whether what a method learns from is no other's. */
function asksItself({asks, views, select}: Method): boolean {
  return asks !== undefined || views?.count !== undefined || select !== undefined;
}

/** Names an inquiry in files: `black-box`, or `black-box.votes` of a method's own. */
export function fileNameOf({level, own}: Inquiry): string {
  return own === undefined ? level : `${level}.${methodFolder(own.method)}`;
}

/** Names an inquiry for people: `black-box`, or `black-box for votes`. */
export function nameOf({level, own}: Inquiry): string {
  return own === undefined ? level : `${level} for ${own.method}`;
}

/** The least that must be asked for, so that every method finds what it needs. */
export function detailOf({methods}: Inquiry): Detail {
  return joinDetails(methods.map(detailOfMethod));
}

/** Whom an inquiry asks, of the teacher of its level. */
export function askedBy({own}: Pick<Inquiry, 'own'>, teacher: Teacher): Teacher {
  return own?.asks ? own.asks(teacher) : teacher;
}
