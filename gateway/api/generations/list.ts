import { z } from 'zod';
import { isGenerationError } from '../../../client/index.ts';
import { listGenerationPage, type PageFilter } from '../../../client/operator/index.ts';
import { phases } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { keyOfWorkflow, workflowIdOf } from '../../access/principal.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently } from '../../generations/patiently.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import type { Call } from '../operation.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';

const time = z.exactOptional(z.iso.datetime({ offset: true }));
const onePhase = z.enum(phases);

/** What a list is asked. */
export const listQuery = z.strictObject({
  model: z.exactOptional(z.string().max(256)),
  phase: z
    .exactOptional(z.union([onePhase, z.array(onePhase).max(phases.length)]))
    .meta({ description: 'Any of these; repeat the parameter for several' }),
  keyPrefix: z.exactOptional(z.string().max(200)),
  createdAfter: time,
  createdBefore: time,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  pageToken: z.exactOptional(z.string().max(4_096)),
});

const listMs = 10_000;

/** A page of a principal's generations. */
export async function listGenerations(
  { client }: GatewayParts,
  { query, request, reply }: Call<unknown, z.output<typeof listQuery>, unknown>,
): Promise<object> {
  const { principal } = request;
  const { limit, pageToken: given, phase, keyPrefix = '', model, createdAfter, createdBefore } = query;
  const prefix = workflowIdOf(principal, keyPrefix);
  const filter: PageFilter = withoutUndefined({
    model,
    since: createdAfter === undefined ? undefined : new Date(createdAfter),
    until: createdBefore === undefined ? undefined : new Date(createdBefore),
    phases: typeof phase === 'string' ? [phase] : phase,
    keyPrefix: prefix === '' ? undefined : prefix,
  });
  // The size of a page may change from one to the next.
  const bound = { model, phase, createdAfter, createdBefore };
  const pageToken = given === undefined ? undefined : fromPageToken(given, prefix, bound);
  const page = await patiently(client, listMs, () => listGenerationPage(client, filter, { limit, pageToken })).catch(
    (error: unknown) => {
      if (pageToken === undefined || !isGenerationError(error) || error.type !== 'InvalidInput') throw error;
      throw new RefusalError('MalformedRequest', 'pageToken: Temporal does not know it', { cause: error });
    },
  );
  if (page.isDegraded) reply.header('x-runcomfy-degraded', 'search-attributes');
  return withoutUndefined({
    generations: page.rows.map(({ key, startedAt, isUndecodable: _, ...row }) => ({
      key: keyOfWorkflow(principal, key),
      ...row,
      createdAt: startedAt,
    })),
    nextPageToken: page.nextPageToken === undefined ? undefined : toPageToken(page.nextPageToken, prefix, bound),
  });
}
