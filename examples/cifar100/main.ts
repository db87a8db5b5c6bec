import {parseArgs} from 'node:util';
import {resnetCifar, startEngine} from 'limbeck';
import {readCifar} from 'limbeck/data';
import {distil} from './distil.ts';
import {type Depth, depths, EPOCHS, objective, published, SHORT_EPOCHS} from './settings.ts';

const {values, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    short: {type: 'boolean', default: false},
    epochs: {type: 'string'},
    teacher: {type: 'string', default: '56'},
    student: {type: 'string', default: '20'},
    ce: {type: 'string', default: `${objective.ce}`},
    kl: {type: 'string', default: `${objective.kl}`},
    temperature: {type: 'string', default: `${objective.temperature}`},
    out: {type: 'string'},
  },
});

function depth(value: string): Depth {
  const known = depths.find(depth => `${depth}` === value);
  if (known === undefined) throw new Error(`Expected a depth of ${depths.join(', ')}, got ${value}.`);
  return known;
}

const folder = positionals[0] ?? process.env['LIMBECK_CIFAR100'];
if (folder === undefined) {
  throw new Error(
    'Name the folder of the binary version of CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html): ' +
      'npm run example:cifar100 -- FOLDER, or LIMBECK_CIFAR100=FOLDER.',
  );
}
const data = await readCifar({folder});
if (data.classes.length !== 100)
  throw new Error(`${folder} holds ${data.classes.length} classes, and CIFAR-100 has 100.`);
const epochs = Number(values.epochs ?? (values.short ? SHORT_EPOCHS : EPOCHS));
const [teacher, student] = [depth(values.teacher), depth(values.student)];
const pair = `${teacher}-${student}`;
const say = (line: string): void => console.error(line);
const {name, version} = await startEngine();
say(`ResNet-${teacher} teaches ResNet-${student}, ${epochs} epochs, on the ${name} engine ${version}`);
const results = await distil(data, {
  networks: {
    teacher: resnetCifar({depth: teacher, shortcut: 'B'}),
    student: resnetCifar({depth: student, shortcut: 'B'}),
  },
  objective: {ce: Number(values.ce), kl: Number(values.kl), temperature: Number(values.temperature)},
  epochs,
  folder: values.out ?? `out/cifar100/${pair}-${epochs}`,
  published: published[pair],
  say,
});
console.log(JSON.stringify(results, undefined, 2));
