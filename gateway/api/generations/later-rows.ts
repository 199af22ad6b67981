import type { ListedGeneration } from '../../../client/index.ts';
import type { Phase } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import type { Principal } from '../../access/principal.ts';
import type { GenerationReader, SeenGeneration } from '../../generations/read-generations.ts';
import { isTakenBack } from '../../generations/reading/no-earlier.ts';
import { generationBody } from './generation-body.ts';

/**
 * A row without its state, brought up to date: the index may lag behind what this gateway has already reported of the
 * same run.
 */
export function asKnown(reader: Pick<GenerationReader, 'known' | 'refresh'>, row: ListedGeneration): ListedGeneration {
  const known = reader.known(row.key);
  if (known?.runId !== row.runId) return row;
  if (isOvertaken(known, row)) reader.refresh(row.key);
  return isOvertaken(row, known) ? asSeen(row, known) : row;
}

/**
 * A row with the fields of `include=state`; only its waiting time is added if the state cannot be read, or lags behind
 * the index.
 */
export async function withState(
  reader: Pick<GenerationReader, 'read' | 'refresh'>,
  principal: Principal,
  row: ListedGeneration,
): Promise<ListedGeneration> {
  const seen = await reader.read(row.key, 'whole').catch(() => undefined);
  // The key's newest run may be another than the listed one.
  if (seen?.runId !== row.runId) return withTime(row);
  if (isOvertaken(seen, row)) {
    reader.refresh(row.key);
    return withTime(row);
  }
  const { queuePosition, failure, result } = { ...generationBody(principal, seen) };
  const { images = [], videos = [] } = result?.output ?? {};
  return withoutUndefined({
    ...withTime(asSeen(row, seen)),
    queuePosition,
    failure: failure && { type: failure.type, message: failure.message },
    thumbnail: images[0] ?? videos[0],
  });
}

interface Told {
  phase: Phase;
  closedAt?: string;
}

/** Whether one report about a run is out of date, since another shows a later phase. */
function isOvertaken(word: Told, other: Told): boolean {
  if (word.closedAt !== undefined) return false;
  return other.closedAt !== undefined || isTakenBack(other.phase, word.phase);
}

function asSeen(row: ListedGeneration, { phase, closedAt, requestId = row.requestId }: SeenGeneration) {
  return withoutUndefined({ ...row, phase, closedAt, requestId });
}

function withTime<Row extends ListedGeneration>(row: Row): Row & { waitedMs: number } {
  const { startedAt, closedAt } = row;
  return { ...row, waitedMs: (closedAt === undefined ? Date.now() : Date.parse(closedAt)) - Date.parse(startedAt) };
}
