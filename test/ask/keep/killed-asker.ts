/**
 * A process that asks about the numbers 1 to 6 and whose store never gets to write an answer; it kills itself once all
 * replies have come. Argument: the folder of its journal.
 */
import {setTimeout} from 'node:timers/promises';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {about} from '../fake-teacher.ts';
import {payingTeacher} from '../paying-teacher.ts';
import {storeOver} from '../store-over.ts';

const [folder = ''] = process.argv.slice(2);
const store = storeOver(openAnswerStore({store: new Map()}), {setMany: () => new Promise(() => {})});
const teacher = payingTeacher(undefined, {maxBatch: 1, concurrency: 6});
void stack(teacher, {store, journal: await openJournal(folder)}).ask(about(1, 2, 3, 4, 5, 6));
while (teacher.requests.length < 6) await setTimeout(5);
await setTimeout(50);
process.kill(process.pid, 'SIGKILL');
