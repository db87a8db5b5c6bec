/**
 * A process that asks a program one query, prints its answer and has nothing more to do. Arguments: the mode of
 * `classify.mjs`, and how the process ends: `by itself`, `exit` or `throw`.
 */
import {command} from '../../adapters/command.ts';

const [mode = '', end = ''] = process.argv.slice(2);
const program = new URL('../fixtures/command/classify.mjs', import.meta.url).pathname;
const teacher = command({command: [process.execPath, program, mode], classes: ['ham', 'spam', 'ünsure']});
let kept = '';
const outcomes = await teacher.ask([{input: {kind: 'text', text: 'hello'}}], {
  exchange: async (_, send) => {
    const reply = await send();
    kept = reply.body;
    return reply;
  },
});
console.log(JSON.stringify({outcomes, kept}));
if (end === 'exit') process.exit(0);
if (end === 'throw') throw new Error('enough');
