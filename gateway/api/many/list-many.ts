import type { Client } from '@temporalio/client';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isGenerationError, type ListScope } from '../../../client/index.ts';
import type { RowPage } from '../../../client/operator/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { keyOfWorkflow, tenantOfKey, workflowIdOf } from '../../access/principal.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';

const { exactOptional } = z;

const time = exactOptional(z.iso.datetime({ offset: true }));

/** Parameters of a page: its size, and its token. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  pageToken: exactOptional(z.string().max(4_096)),
} as const;

/** Parameters that narrow any list. */
export const scopeQuery = z.strictObject({
  keyPrefix: exactOptional(z.string().max(200)),
  createdAfter: time,
  createdBefore: time,
  ...paging,
});

/** Query of a list. */
export type ListQuery<Phase> = z.output<typeof scopeQuery> & { phase?: Phase };

/** The scope of a list within a principal's tenant, whatever the query asks for. */
export function scopeOf(
  { principal }: FastifyRequest,
  { keyPrefix = '', createdAfter, createdBefore }: Omit<z.output<typeof scopeQuery>, keyof typeof paging>,
): ListScope {
  const prefix = workflowIdOf(principal, keyPrefix);
  return withoutUndefined({
    keyPrefix: prefix === '' ? undefined : prefix,
    since: createdAfter === undefined ? undefined : new Date(createdAfter),
    until: createdBefore === undefined ? undefined : new Date(createdBefore),
  });
}

/** One page of a principal's pipelines or batches. */
export async function listMany<Phase extends string, Row extends { key: string; startedAt: string }>(
  { client }: GatewayParts,
  { query, request }: { query: ListQuery<Phase>; request: FastifyRequest },
  list: (
    client: Client,
    filter: ListScope & { phase?: Phase },
    paging: { limit: number; pageToken: string | undefined },
  ) => Promise<RowPage<Row>>,
): Promise<RowPage<Row>> {
  const { principal } = request;
  const { limit, pageToken: given, phase, createdAfter, createdBefore } = query;
  const filter = { ...scopeOf(request, query), ...(phase !== undefined && { phase }) };
  // `limit` is not bound, since callers may change it between pages.
  const bound = [request.routeOptions.url, filter.keyPrefix ?? '', { phase, createdAfter, createdBefore }];
  const pageToken = given === undefined ? undefined : fromPageToken(given, ...bound);
  const page = await readPage(
    () => patiently(client, readPatienceMs, () => list(client, filter, { limit, pageToken })),
    given,
  );
  return withoutUndefined({
    rows: newestFirst(page.rows).map((row) => {
      const tenant = tenantOfKey(principal, row.key);
      return { ...row, key: keyOfWorkflow(principal, row.key), ...(tenant !== undefined && { tenant }) };
    }),
    nextPageToken: page.nextPageToken === undefined ? undefined : toPageToken(page.nextPageToken, ...bound),
  });
}

/** Sorts a page by start, newest first. Servers differ in the order in which they list, and not all can be told. */
export function newestFirst<Row extends { startedAt: string }>(rows: readonly Row[]): Row[] {
  return rows.toSorted((one, other) => Date.parse(other.startedAt) - Date.parse(one.startedAt));
}

/** Reads a page. Temporal may no longer accept a token that it issued; that is refused as malformed. */
export async function readPage<Page>(read: () => Promise<Page>, pageToken: string | undefined): Promise<Page> {
  try {
    return await read();
  } catch (error) {
    if (pageToken === undefined || !isGenerationError(error) || error.type !== 'InvalidInput') throw error;
    throw new RefusalError('MalformedRequest', 'pageToken: Temporal does not know it', { cause: error });
  }
}
