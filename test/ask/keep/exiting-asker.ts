/**
 * A process that asks about the number 1 and ends itself as soon as it has the answer. Argument: a folder, for its
 * journal and its answers.
 */
import {join} from 'node:path';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {about} from '../fake-teacher.ts';
import {payingTeacher} from '../paying-teacher.ts';

const [folder = ''] = process.argv.slice(2);
const store = openAnswerStore({path: join(folder, 'answers')});
const journal = await openJournal(join(folder, 'journal'));
const [outcome] = await stack(payingTeacher(), {store, journal}).ask(about(1));
process.exit(outcome && 'answer' in outcome ? 0 : 1);
