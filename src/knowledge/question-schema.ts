import {z} from 'zod';
import type {Question} from '../question.ts';

const options = z.array(z.object({name: z.string(), description: z.string().exactOptional()})).min(2);
const named = {name: z.string(), instructions: z.string().exactOptional()};

/** Validates a question in a file. */
export const questionSchema: z.ZodType<Question> = z.discriminatedUnion('type', [
  z.object({...named, type: z.literal('choice'), options: options}),
  z.object({...named, type: z.literal('predicate'), no: z.string().exactOptional(), yes: z.string().exactOptional()}),
  z.object({...named, type: z.literal('score'), levels: options}),
]);
