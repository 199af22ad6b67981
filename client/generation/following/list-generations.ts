import type { Client } from '@temporalio/client';
import { type Phase, phases } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import type { Labels } from '../../../domain/labels.ts';
import { otherModel } from '../../../domain/model-label.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { toClientError } from '../../convert-errors.ts';
import { isGenerationError } from '../../errors.ts';
import { isOfUnknownAttributes } from '../../grpc.ts';
import {
  checkScope,
  isComparable,
  labelClauses,
  type ListScope,
  matchLabels,
  quote,
  scopeClauses,
} from '../../list-scope.ts';
import { checkArgument } from '../check-arguments.ts';
import { readOriginalRequest } from '../original-request.ts';
import { attributeOf, isClosed, listRuns, modelOf, type RunInfo } from '../run-info.ts';
import { isTerminal, phaseOf } from './phase.ts';
import { readState } from './read-state.ts';

/** Which generations are listed. */
export interface ListFilter extends ListScope {
  model?: string | undefined;
  phase?: Phase | undefined;
  /** Default 100; `Infinity` for all. */
  limit?: number | undefined;
}

/** A generation as Temporal lists it. */
export interface ListedGeneration {
  key: string;
  runId: string;
  /** Empty if only the encrypted request holds it and its key is not available here. */
  model: string;
  phase: Phase;
  requestId?: string;
  costUsd?: number;
  labels?: Labels;
  startedAt: string;
  closedAt?: string;
  /**
   * Model and phase may be missing: the search attributes lack them, and the rest is encrypted with a key not available
   * here.
   */
  isUndecodable?: true;
}

const defaultLimit = 100;
/** Number of rows whose missing details are fetched concurrently. */
const rowsAtOnce = 20;

/**
 * Lists generations: first the open ones, newest start first, then the ended ones, newest end first. Runs without our
 * search attributes (the server does not have them, or the generation never got as far as setting them) are checked one
 * by one, so that a filter finds them as well.
 */
export async function* listGenerations(
  client: Client,
  filter: ListFilter = {},
): AsyncGenerator<ListedGeneration, void, undefined> {
  const { model, phase, limit = defaultLimit } = filter;
  checkArgument('filter.model', model === undefined || typeof model === 'string', 'a model id');
  checkArgument('filter.phase', phase === undefined || phases.includes(phase), `one of ${phases.join(', ')}`);
  checkScope(filter);
  checkArgument('filter.limit', typeof limit === 'number' && limit > 0, 'a number above 0');
  const told = new Set<string>();
  for await (const run of findRuns(client, filter)) {
    // A run that ends while the list is read moves to its second half and would appear twice.
    if (told.has(run.runId)) continue;
    told.add(run.runId);
    yield run;
    if (told.size >= limit) return;
  }
}

async function* findRuns(client: Client, filter: ListFilter): AsyncGenerator<ListedGeneration, void, undefined> {
  const generations = `WorkflowType = "${generationWorkflowType}" AND ExecutionStatus != "ContinuedAsNew"`;
  const ofType = [generations, ...scopeClauses(filter)].join(' AND ');
  const query = [ofType, ...clausesOf(filter)].join(' AND ');
  try {
    yield* describeRuns(client, query, filter);
  } catch (error) {
    // A server that does not have our search attributes already refuses the first page.
    if (query === ofType || !isOfUnknownAttributes(error)) throw error;
    yield* describeRuns(client, ofType, filter);
  }
}

/** Query clauses that leave out what cannot match the filter; what remains is checked row by row. */
export function clausesOf({ model, phase, labels }: ListFilter): string[] {
  const clauses = labelClauses(labels);
  if (model !== undefined && isComparable(model)) {
    const alternatives = [model, otherModel].map((name) => `RunComfyModel = ${quote(name)}`);
    clauses.push(`(${[...alternatives, 'RunComfyModel IS NULL'].join(' OR ')})`);
  }
  if (phase !== undefined) {
    const { statuses, decisive } = statusesOf(phase);
    const says = `RunComfyPhase = "${phase}"`;
    const alternatives = [says, 'RunComfyPhase IS NULL'];
    if (decisive.length > 0) alternatives.push(anyStatus(decisive));
    const found = `(${anyStatus(statuses)} AND (${alternatives.join(' OR ')}))`;
    // A generation that has set its final phase runs on for a while.
    clauses.push(isTerminal(phase) ? `(${found} OR (ExecutionStatus = "Running" AND ${says}))` : found);
  }
  return clauses;
}

/** The statuses that a run in a phase can have, and those that mean that phase whatever its attribute says. */
function statusesOf(phase: Phase): { statuses: string[]; decisive: string[] } {
  switch (phase) {
    case 'succeeded':
      return { statuses: ['Completed'], decisive: ['Completed'] };
    case 'cancelled':
      return { statuses: ['Failed', 'Canceled', 'Terminated'], decisive: ['Canceled', 'Terminated'] };
    case 'timed_out':
      return { statuses: ['Failed', 'TimedOut'], decisive: ['TimedOut'] };
    case 'failed':
      return { statuses: ['Failed'], decisive: [] };
    case 'submitting':
    case 'submission_unknown':
    case 'in_queue':
    case 'in_progress':
    case 'fetching_result':
      return { statuses: ['Running', 'Failed'], decisive: [] };
  }
}

function anyStatus(statuses: string[]): string {
  return `(${statuses.map((status) => `ExecutionStatus = "${status}"`).join(' OR ')})`;
}

async function* describeRuns(
  client: Client,
  query: string,
  { model, phase, labels, keyPrefix = '' }: ListFilter,
): AsyncGenerator<ListedGeneration, void, undefined> {
  for await (const found of listRuns(client, query)) {
    // SQL visibility stores match a prefix case-insensitively.
    const page = found.filter(({ key }) => key.startsWith(keyPrefix));
    for (let at = 0; at < page.length; at += rowsAtOnce) {
      const rows = page.slice(at, at + rowsAtOnce).map((run) => describeRow(client, run, labels));
      for (const row of await Promise.all(rows)) {
        if (row && (model === undefined || row.model === model) && (phase === undefined || row.phase === phase))
          yield row;
      }
    }
  }
}

/** A run as a row, with what its search attributes lack fetched; undefined if it does not carry the wanted labels. */
export async function describeRow(
  client: Client,
  run: RunInfo,
  wanted: Labels | undefined,
): Promise<ListedGeneration | undefined> {
  const { isMatch, labels } = await matchLabels(client, run, wanted);
  if (!isMatch) return undefined;
  const { key, runId, startedAt, closedAt } = run;
  const { RunComfyCostUsd: cost } = run.attributes;
  const known = { phase: phaseOf(run), model: modelOf(run) };
  const asked = known.phase === undefined || known.model === undefined ? await askForDetails(client, run, known) : {};
  return withoutUndefined({
    key,
    runId,
    model: known.model ?? asked.model ?? '',
    phase: known.phase ?? asked.phase ?? (isClosed(run) ? 'failed' : 'submitting'),
    requestId: attributeOf(run, 'RunComfyRequestId') ?? asked.requestId,
    costUsd: typeof cost === 'number' ? cost : undefined,
    labels,
    startedAt: startedAt.toISOString(),
    closedAt: closedAt?.toISOString(),
    isUndecodable: asked.isUndecodable,
  });
}

type Asked = Partial<Pick<ListedGeneration, 'model' | 'phase' | 'requestId' | 'isUndecodable'>>;

/**
 * Fetches what the search attributes of a run do not tell. If it cannot be decoded, only this row lacks its details.
 */
async function askForDetails(client: Client, run: RunInfo, known: { phase: Phase | undefined }): Promise<Asked> {
  const { key, runId } = run;
  try {
    if (known.phase === undefined) {
      const { phase, model, requestId } = await readState(client, key, { runId });
      return withoutUndefined({ phase, model, requestId });
    }
    const model = (await readOriginalRequest(client, key, runId))?.request.model;
    return typeof model === 'string' ? { model } : {};
  } catch (thrown) {
    const error = toClientError(thrown, key);
    if (isGenerationError(error) && error.type === 'Undecodable') return { isUndecodable: true };
    // Retention may remove a run while it is read.
    if (isGenerationError(error) && error.type === 'KeyNotFound') return {};
    throw error;
  }
}
