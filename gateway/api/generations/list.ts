import { z } from 'zod';
import type { ListedGeneration } from '../../../client/index.ts';
import { listGenerationPage, type PageFilter } from '../../../client/operator/index.ts';
import { phases } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import type { Principal } from '../../access/principal.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { readPage, scopeOf, scopeQuery } from '../many/list-many.ts';
import type { Call } from '../operation.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';
import { generationBody } from './generation-body.ts';
import { rowBody } from './row-body.ts';

const anyPhases = z.array(z.enum(phases)).max(phases.length);

/** What a list is asked. */
export const listQuery = scopeQuery.extend({
  model: z.exactOptional(z.string().max(256)),
  // A list alone in the document: of a word or a list of words some generators make code that does not compile.
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
  // The size of a page may change from one to the next.
  const bound = [scope.keyPrefix ?? '', { model, phase, createdAfter, createdBefore }];
  const pageToken = given === undefined ? undefined : fromPageToken(given, ...bound);
  const page = await readPage(
    () => patiently(client, readPatienceMs, () => listGenerationPage(client, filter, { limit, pageToken })),
    given,
  );
  if (page.isDegraded) reply.header('x-runcomfy-degraded', 'search-attributes');
  const states =
    query.include === undefined ? [] : await Promise.all(page.rows.map((row) => readRowState(reader, principal, row)));
  return withoutUndefined({
    generations: page.rows.map((row, at) => ({ ...rowBody(principal, row), ...states[at] })),
    nextPageToken: page.nextPageToken === undefined ? undefined : toPageToken(page.nextPageToken, ...bound),
  });
}

/** What `include=state` adds to a row; of what cannot be read now, its time alone. */
async function readRowState(
  reader: GatewayParts['reader'],
  principal: Principal,
  { key, runId, startedAt, closedAt }: ListedGeneration,
): Promise<object> {
  const waitedMs = (closedAt === undefined ? Date.now() : Date.parse(closedAt)) - Date.parse(startedAt);
  const seen = await reader.read(key, 'whole').catch(() => undefined);
  // The newest run of a key may be another than the one that is listed.
  if (seen?.runId !== runId) return { waitedMs };
  const { queuePosition, failure, result } = { ...generationBody(principal, seen) };
  const { images = [], videos = [] } = result?.output ?? {};
  return withoutUndefined({
    queuePosition,
    waitedMs,
    failure: failure && { type: failure.type, message: failure.message },
    thumbnail: images[0] ?? videos[0],
  });
}
