import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { joinSignals } from '../../../abort-signals/join-signals.ts';
import type { BatchHandle, BatchLine, LineStatus } from '../../../client/index.ts';
import { isBatchEnd } from '../../../domain/batch/batch.ts';
import type { Principal } from '../../access/principal.ts';
import { type BatchLineBody, lineStatus } from '../../contract/batch.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { isPassing, readPatienceMs } from '../../generations/patiently.ts';
import { dropWhenStalled, whileAllowed } from '../../http/event-stream.ts';
import { goneSignal } from '../../http/waiting.ts';
import { paging } from '../many/list-many.ts';
import { seenNow, withMany } from '../many/many.ts';
import type { Call } from '../operation.ts';
import { inOwnWords } from '../own-words.ts';
import { fromPageToken, toPageToken } from '../page-token.ts';
import { batches } from './batches.ts';

const { exactOptional } = z;

const status = exactOptional(lineStatus.meta({ description: 'Only these' }));

/** Query of a page of lines. */
export const linesQuery = z.strictObject({ status, ...paging });

/** Query of a file of lines. */
export const fileQuery = z.strictObject({
  status,
  follow: exactOptional(z.enum(['true', 'false'])).meta({
    description: '`true`: the lines that are still to come as well, until the batch has ended',
  }),
});

type About<Query> = Call<{ key: string }, Query, unknown>;

/** Most lines read for a page, however few of them have the requested status. */
const maxRead = 2_000;

const pauseMs = 500;

/** Long, since readers may take their time over each line: a download that is cut off has to start over. */
const stallCheckMs = 5 * 60_000;

/** A page of result lines. */
export function listBatchLines(
  parts: GatewayParts,
  { params, query, request, reply }: About<z.output<typeof linesQuery>>,
): Promise<object> {
  const { principal } = request;
  const { limit, pageToken } = query;
  return withMany(batches, parts, request, params.key, async (handle) => {
    // Bound to the chain instead of its newest run: the runs that it continued as have the same lines.
    const boundTo = ['lines', handle.key, handle.firstRunId ?? handle.runId, query.status];
    const from = pageToken === undefined ? 0 : positionIn(fromPageToken(pageToken, ...boundTo));
    // Read before the lines: if the batch has ended by now, the lines are complete.
    const { phase } = (await seenNow(parts, handle)).state;
    const lines: BatchLineBody[] = [];
    let at = from;
    let isAll = true;
    for await (const line of everyLine(handle, { from, signal: goneSignal(reply) })) {
      if (lines.length === limit || at - from === maxRead) {
        isAll = false;
        break;
      }
      at += 1;
      if (query.status === undefined || line.status === query.status) lines.push(lineBody(principal, handle, line));
    }
    return { lines, ...(!(isAll && isBatchEnd(phase)) && { nextPageToken: toPageToken(tokenOf(at), ...boundTo) }) };
  });
}

/** All result lines, as JSON Lines. */
export async function streamBatchLines(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, request, reply }: About<z.output<typeof fileQuery>>,
): Promise<FastifyReply> {
  const { principal } = request;
  const follow = query.follow === 'true';
  const revoked = new AbortController();
  const signal = joinSignals([goneSignal(reply), stopping, revoked.signal]);
  const lines = await withMany(batches, parts, request, params.key, async (handle) => {
    // If the batch cannot be read, the reply is a problem instead of an empty file.
    await seenNow(parts, handle);
    return textOf(principal, handle, everyLine(handle, { follow, signal }), query.status);
  });
  const allowed = whileAllowed(lines, () => parts.access.isStillAllowed(request), revoked);
  return reply.type('application/jsonl').send(Readable.from(dropWhenStalled(allowed, reply.raw, stallCheckMs)));
}

async function* textOf(
  principal: Principal,
  handle: BatchHandle,
  lines: AsyncIterable<BatchLine>,
  wanted: LineStatus | undefined,
): AsyncGenerator<string, void, undefined> {
  for await (const line of lines) {
    if (wanted === undefined || line.status === wanted) yield `${JSON.stringify(lineBody(principal, handle, line))}\n`;
  }
}

/** The lines from a position on; if Temporal is away or busy for a while, reading resumes at the last position. */
async function* everyLine(
  handle: BatchHandle,
  { from = 0, follow, signal }: { from?: number; follow?: boolean; signal: AbortSignal },
): AsyncGenerator<BatchLine, void, undefined> {
  let at = from;
  let giveUpAt = performance.now() + readPatienceMs;
  for (;;) {
    try {
      for await (const line of handle.results({ from: at, follow, signal })) {
        at += 1;
        yield line;
        // Time spent in a slow reader does not count as waiting for Temporal.
        giveUpAt = performance.now() + readPatienceMs;
      }
      return;
    } catch (error) {
      if (signal.aborted || !isPassing(error) || performance.now() > giveUpAt) throw error;
      await sleep(pauseMs);
    }
  }
}

function lineBody(principal: Principal, { key }: BatchHandle, line: BatchLine): BatchLineBody {
  return inOwnWords(principal, line, key);
}

function tokenOf(position: number): string {
  return Buffer.from(String(position)).toString('base64');
}

/** The position in a token; the token is bound to the batch, so it was made here. */
function positionIn(token: string): number {
  const position = Number(Buffer.from(token, 'base64').toString());
  return Number.isSafeInteger(position) && position >= 0 ? position : 0;
}
