import { z } from 'zod';
import type { ListedGeneration } from '../../../client/index.ts';
import { listGenerationPage, type PageFilter } from '../../../client/operator/index.ts';
import { phases } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { newestFirst, readPage, scopeOf, scopeQuery } from '../many/list-many.ts';
import type { Call } from '../operation.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';
import { asKnown, withState } from './later-rows.ts';
import { rowBody } from './row-body.ts';

const anyPhases = z.array(z.enum(phases)).max(phases.length);

/** Query of a list of generations. */
export const listQuery = scopeQuery.extend({
  model: z.exactOptional(z.string().max(256)),
  // Only a list in the document: for "a word or a list of words" some generators produce code that does not compile.
  phase: z
    .exactOptional(z.preprocess((given) => (typeof given === 'string' ? [given] : given), anyPhases))
    .meta({ description: 'Any of these; repeat the parameter for several' }),
  include: z
    .exactOptional(z.enum(['state']))
    .meta({ description: '`state`: rows tell place in the queue, time, failure and thumbnail; `limit` at most 50' }),
});

const maxWithState = 50;

/** A page of a principal's generations. */
export async function listGenerations(
  { client, reader }: GatewayParts,
  { query, request, reply }: Call<unknown, z.output<typeof listQuery>, unknown>,
): Promise<object> {
  const { principal } = request;
  const { limit, pageToken: given, phase, model, createdAfter, createdBefore } = query;
  if (query.include === 'state' && limit > maxWithState) {
    const message = `at most ${String(maxWithState)} with include=state`;
    throw new RefusalError('InvalidInput', `limit: ${message}`, { issues: [{ path: 'query.limit', message }] });
  }
  const scope = scopeOf(request, query);
  const filter: PageFilter = {
    ...scope,
    ...withoutUndefined({ model, phases: phase }),
  };
  // `limit` is not bound, since callers may change it between pages.
  const bound = [scope.keyPrefix ?? '', { model, phase, createdAfter, createdBefore }];
  const pageToken = given === undefined ? undefined : fromPageToken(given, ...bound);
  const page = await readPage(
    () => patiently(client, readPatienceMs, () => listGenerationPage(client, filter, { limit, pageToken })),
    given,
  );
  if (page.isDegraded) reply.header('x-runcomfy-degraded', 'search-attributes');
  const tell = async (row: ListedGeneration) =>
    query.include === undefined ? asKnown(reader, row) : await withState(reader, principal, row);
  const rows = await Promise.all(newestFirst(page.rows).map(tell));
  return withoutUndefined({
    generations: rows.filter((row) => phase?.includes(row.phase) !== false).map((row) => rowBody(principal, row)),
    nextPageToken: page.nextPageToken === undefined ? undefined : toPageToken(page.nextPageToken, ...bound),
  });
}
