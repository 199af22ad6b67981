import { z } from 'zod';
import { listGenerationPage, type PageFilter } from '../../../client/operator/index.ts';
import { phases } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { keyOfWorkflow } from '../../access/principal.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently } from '../../generations/patiently.ts';
import { readPage, scopeOf, scopeQuery } from '../many/list-many.ts';
import type { Call } from '../operation.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';

const anyPhases = z.array(z.enum(phases)).max(phases.length);

/** What a list is asked. */
export const listQuery = scopeQuery.extend({
  model: z.exactOptional(z.string().max(256)),
  // A list alone in the document: of a word or a list of words some generators make code that does not compile.
  phase: z
    .exactOptional(z.preprocess((given) => (typeof given === 'string' ? [given] : given), anyPhases))
    .meta({ description: 'Any of these; repeat the parameter for several' }),
});

const listMs = 10_000;

/** A page of a principal's generations. */
export async function listGenerations(
  { client }: GatewayParts,
  { query, request, reply }: Call<unknown, z.output<typeof listQuery>, unknown>,
): Promise<object> {
  const { principal } = request;
  const { limit, pageToken: given, phase, model, createdAfter, createdBefore } = query;
  const scope = scopeOf(request, query);
  const filter: PageFilter = {
    ...scope,
    ...withoutUndefined({ model, phases: phase }),
  };
  // The size of a page may change from one to the next.
  const bound = [scope.keyPrefix ?? '', { model, phase, createdAfter, createdBefore }];
  const pageToken = given === undefined ? undefined : fromPageToken(given, ...bound);
  const page = await readPage(
    () => patiently(client, listMs, () => listGenerationPage(client, filter, { limit, pageToken })),
    given,
  );
  if (page.isDegraded) reply.header('x-runcomfy-degraded', 'search-attributes');
  return withoutUndefined({
    generations: page.rows.map(({ key, startedAt, isUndecodable: _, ...row }) => ({
      key: keyOfWorkflow(principal, key),
      ...row,
      createdAt: startedAt,
    })),
    nextPageToken: page.nextPageToken === undefined ? undefined : toPageToken(page.nextPageToken, ...bound),
  });
}
