import type { Client } from '@temporalio/client';
import type { Phase } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { withClientErrors } from '../../convert-errors.ts';
import { isOfUnknownAttributes } from '../../grpc.ts';
import { knowsPhases, type ListScope, scopeClauses } from '../../list-scope.ts';
import { listRunsPage, type RunPage } from '../run-info.ts';
import { clausesOf, describeRow, type ListedGeneration } from './list-generations.ts';

/** Which generations a page shows. */
export interface PageFilter extends ListScope {
  model?: string | undefined;
  /** Any of these; missing means all. */
  phases?: readonly Phase[] | undefined;
}

/** A page of generations. It may have fewer rows than `limit` although more pages follow. */
export interface GenerationPage {
  rows: ListedGeneration[];
  /** Base64; missing on the last page. */
  nextPageToken?: string;
  /** The server does not have our search attributes: rows were checked one by one, the newest 1,000 at most. */
  isDegraded?: true;
}

/** Most runs checked one by one, as each costs a call. */
const maxLooked = 1_000;

const ofType = `WorkflowType = "${generationWorkflowType}" AND ExecutionStatus != "ContinuedAsNew"`;

/** One page of generations: first the open ones, newest start first, then the ended ones, newest end first. */
export function listGenerationPage(
  client: Client,
  filter: PageFilter,
  { limit, pageToken }: { limit: number; pageToken?: string | undefined },
): Promise<GenerationPage> {
  return withClientErrors('', async () => {
    const common = [ofType, ...scopeClauses(filter)];
    const ownClauses = [knowsPhases, ...attributeClauses(filter)];
    const { looked, token } = placeOf(pageToken);
    const paging = { pageSize: limit, pageToken: token };
    const newest = async (before: number) => {
      const pageSize = Math.min(limit, maxLooked - before);
      const page = await listRunsPage(client, common.join(' AND '), { ...paging, pageSize });
      return { ...page, looked: before + page.runs.length };
    };
    const page: Page = await (looked === undefined
      ? listRunsPage(client, [...common, ...ownClauses].join(' AND '), paging).catch((error: unknown) => {
          if (!isOfUnknownAttributes(error)) throw error;
          return newest(0);
        })
      : newest(looked));
    const { keyPrefix = '', model, phases, labels } = filter;
    // SQL visibility stores match a prefix case-insensitively.
    const runs = page.runs.filter(({ key }) => key.startsWith(keyPrefix));
    const rows = await Promise.all(runs.map((run) => describeRow(client, run, labels)));
    return withoutUndefined({
      rows: rows
        .filter((row) => row !== undefined)
        .filter(
          (row) => (model === undefined || row.model === model) && (phases === undefined || phases.includes(row.phase)),
        ),
      nextPageToken: tokenOf(page),
      isDegraded: page.looked === undefined ? undefined : (true as const),
    });
  });
}

/**
 * `looked`: the number of runs checked one by one so far; set only if the server does not have our search attributes.
 */
interface Page extends RunPage {
  looked?: number;
}

/** The position in a page token. */
function placeOf(pageToken: string | undefined): { looked?: number; token?: string | undefined } {
  if (pageToken === undefined) return {};
  const [, looked, token] = /^looked at (\d+), (.+)$/.exec(Buffer.from(pageToken, 'base64').toString('latin1')) ?? [];
  if (looked === undefined || token === undefined) return { token: pageToken };
  return { looked: Number(looked), token };
}

/** The token of the next page; undefined after the last one. */
function tokenOf({ nextPageToken, looked }: Page): string | undefined {
  if (nextPageToken === undefined || looked === undefined) return nextPageToken;
  if (looked >= maxLooked) return undefined;
  return Buffer.from(`looked at ${String(looked)}, ${nextPageToken}`).toString('base64');
}

function attributeClauses({ model, phases, labels }: PageFilter): string[] {
  const ofPhases = (phases ?? []).map((phase) => `(${clausesOf({ phase }).join(' AND ')})`);
  return [...clausesOf({ model, labels }), ...(ofPhases.length === 0 ? [] : [`(${ofPhases.join(' OR ')})`])];
}
