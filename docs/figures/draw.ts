import {startEngine} from 'limbeck';
import * as curves from './curves.ts';
import {drawFigure} from './figure.ts';

await startEngine();
for (const figure of Object.values(curves)) await drawFigure(figure());
