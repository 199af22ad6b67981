import type { Client } from '@temporalio/client';
import type { Phase } from '../../../domain/generation.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { named } from '../../convert-errors.ts';
import { grpcCode, grpcCodeOf } from '../../grpc.ts';
import { type ListScope, scopeClauses } from '../../list-scope.ts';
import { listRunsPage } from '../run-info.ts';
import { clausesOf, describeRow, type ListedGeneration } from './list-generations.ts';

/** Which generations a page shows. */
export interface PageFilter extends ListScope {
  model?: string | undefined;
  /** Any of these; missing: all. */
  phases?: readonly Phase[] | undefined;
}

/** A page of generations; it may have fewer rows than were asked for, and more pages follow all the same. */
export interface GenerationPage {
  rows: ListedGeneration[];
  /** Base64; missing: that was the last page. */
  nextPageToken?: string;
  /** The server knows no search attributes of ours: rows were looked at one by one. */
  isDegraded?: true;
}

const ofType = `WorkflowType = "${generationWorkflowType}" AND ExecutionStatus != "ContinuedAsNew"`;

/** One page of generations: first those that run, the newest start first, then those that ended, the newest end first. */
export function listGenerationPage(
  client: Client,
  filter: PageFilter,
  { limit, pageToken }: { limit: number; pageToken?: string | undefined },
): Promise<GenerationPage> {
  return named('', async () => {
    const paging = { pageSize: limit, nextPageToken: pageToken === undefined ? undefined : fromBase64(pageToken) };
    const common = [ofType, ...scopeClauses(filter)];
    const ownClauses = attributeClauses(filter);
    const page = await listRunsPage(client, [...common, ...ownClauses].join(' AND '), paging).catch(
      async (error: unknown) => {
        // A server that does not know our search attributes refuses the query.
        if (ownClauses.length === 0 || grpcCodeOf(error) !== grpcCode.invalidArgument) throw error;
        return { ...(await listRunsPage(client, common.join(' AND '), paging)), isDegraded: true as const };
      },
    );
    const { keyPrefix = '', model, phases, labels } = filter;
    // Where visibility is SQL, a prefix matches whatever its case.
    const runs = page.runs.filter(({ key }) => key.startsWith(keyPrefix));
    const rows = await Promise.all(runs.map((run) => describeRow(client, run, labels)));
    return {
      rows: rows
        .filter((row) => row !== undefined)
        .filter(
          (row) => (model === undefined || row.model === model) && (phases === undefined || phases.includes(row.phase)),
        ),
      ...(page.nextPageToken.length > 0 && { nextPageToken: Buffer.from(page.nextPageToken).toString('base64') }),
      ...('isDegraded' in page && { isDegraded: true as const }),
    };
  });
}

function attributeClauses({ model, phases, labels }: PageFilter): string[] {
  const ofPhases = (phases ?? []).map((phase) => `(${clausesOf({ phase }).join(' AND ')})`);
  return [...clausesOf({ model, labels }), ...(ofPhases.length === 0 ? [] : [`(${ofPhases.join(' OR ')})`])];
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
