import type { ListedGeneration } from '../../../client/index.ts';
import type { Phase } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import type { Principal } from '../../access/principal.ts';
import type { GenerationReader, SeenGeneration } from '../../generations/read-generations.ts';
import { isTakenBack } from '../../generations/reading/no-earlier.ts';
import { generationBody } from './generation-body.ts';

/** A row without its state: the index may be behind what this gateway has told of the same run. */
export function asKnown(reader: Pick<GenerationReader, 'known' | 'refresh'>, row: ListedGeneration): ListedGeneration {
  const known = reader.known(row.key);
  if (known?.runId !== row.runId) return row;
  if (isOvertaken(known, row)) reader.refresh(row.key);
  return isOvertaken(row, known) ? asSeen(row, known) : row;
}

/** A row with what `include=state` adds; to one whose state cannot be read now, or is behind the index, its time alone. */
export async function withState(
  reader: Pick<GenerationReader, 'read' | 'refresh'>,
  principal: Principal,
  row: ListedGeneration,
): Promise<ListedGeneration> {
  const seen = await reader.read(row.key, 'whole').catch(() => undefined);
  // The newest run of a key may be another than the one that is listed.
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

/** Whether a run cannot be where one word of it has it, since another is later. */
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
