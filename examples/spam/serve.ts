import {once} from 'node:events';
import {writeFile} from 'node:fs/promises';
import {addressOf, serveChat} from '../chat-service.ts';
import {readMails} from './mails.ts';
import {PORT} from './recipe.ts';
import {directory, mailService} from './service.ts';

const service = await serveChat(await mailService());
const texts = `${directory}/mails.jsonl`;
// The first 1,000 characters of every third mail, without its label.
const mails = readMails().filter((_, index) => index % 3 === 0);
await writeFile(texts, mails.map(({text}) => `${JSON.stringify({text: text.slice(0, 1000)})}\n`).join(''));
console.log(`The mails are in ${texts}, the model answers at ${addressOf(PORT)}. Ctrl-C ends it.`);
await once(process, 'SIGINT');
await service.close();
