import { vi } from 'vitest';
import type { ResultQuestion } from '../../domain/activities.ts';
import { isJsonObject } from '../../domain/json.ts';
import { activitiesAt, type Attempt } from './activity-rig.ts';
import { reply, serve } from './http-servers.ts';
import { kling } from './simulator-client.ts';

export const requestId = 'a1b2';
/** How long an answer that can only be RunComfy's own has to persist before it counts, in milliseconds. */
export const graceMs = 30_000;
/** The same for an answer that a server in front of RunComfy may have written. */
export const unsignedGraceMs = 600_000;
export const code = (error_code: number, error_message = 'vendor words') => ({ error_code, error_message });

/** A RunComfy that answers every read in the same way. */
export async function answering(httpStatus: number, body: unknown) {
  const answer = { httpStatus, body };
  const { port } = await serve((response) => {
    // With a stated cost, nothing waits for one.
    reply(response, answer.httpStatus, isJsonObject(answer.body) ? { cost: 0, ...answer.body } : answer.body);
  });
  const rig = activitiesAt(`http://127.0.0.1:${String(port)}`);
  const finishedSince = new Date().toISOString();
  const fetch = (more: Partial<ResultQuestion> = {}, before?: Attempt<unknown>) =>
    rig.attempt(
      rig.activities.fetchResult,
      { model: kling, requestId, finishedSince, ...more },
      before && { attempt: 2, heartbeatDetails: before.heartbeats.at(-1) },
    );
  const pass = (ms: number) => vi.setSystemTime(Date.now() + ms);
  return { rig, answer, fetch, pass };
}
