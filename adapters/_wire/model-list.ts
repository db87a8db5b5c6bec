import {z} from 'zod';
import {TeacherError} from '../../src/errors.ts';
import type {ModelList} from '../../src/service-features.ts';
import {lenientJson} from './reply.ts';
import {type Connection, getJson} from './request.ts';

const ending = z.union([z.string(), z.number()]).nullish().catch(undefined);

const listSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      aliases: z.array(z.string()).nullish().catch(undefined),
      // OpenAI's, OpenRouter's and Mistral's names of the day.
      shutdown_date: ending,
      expiration_date: ending,
      deprecation: ending,
    }),
  ),
});

/**
 * The list of a service that speaks OpenAI's protocol. The lists of Anthropic and Gemini have no day in them.
 *
 * @param address - up to where the paths of the protocol begin
 */
export function modelList(connection: Connection, address: string, model: string): ModelList {
  const url = new URL(`${address}/models`);
  return {
    url: url.href,
    async fetch(signal) {
      const reply = await getJson(connection, url, signal);
      if (reply.status === 200) return reply;
      throw new TeacherError(connection.name, `It shows no list of models (${reply.status}).`, {status: reply.status});
    },
    endIn({body}) {
      const {data: list} = listSchema.safeParse(lenientJson(body));
      const entry = list?.data.find(({id}) => id === model) ?? list?.data.find(({aliases}) => aliases?.includes(model));
      return entry?.shutdown_date ?? entry?.expiration_date ?? entry?.deprecation ?? undefined;
    },
  };
}
