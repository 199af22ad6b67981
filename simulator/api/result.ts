import { toUsd } from '../../domain/budget/money.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import type { Switches } from '../settings/switches.ts';
import type { Job } from '../world/job.ts';
import type { World } from '../world/world.ts';
import { type Call, ownJob } from './call.ts';
import { notReady } from './errors.ts';
import { outputOf } from './output.ts';
import { resultWordOf, seenState } from './status-words.ts';

/** Answers `GET /v1/requests/{id}/result`. */
export function readResult(world: World, call: Call): Reply {
  const found = ownJob(world, call);
  if ('refusal' in found) return found.refusal;
  const { job } = found;
  const { switches } = world.settings;
  world.drive(job);
  const state = seenState(job);
  if (state === 'in_queue' || state === 'in_progress') {
    return switches.not_ready === 'err400005' ? notReady(switches) : unfinishedReply(job, state);
  }
  return jsonReply(200, {
    request_id: job.id,
    status: resultWordOf(job, switches),
    ...(switches.include_model_id ? { model_id: job.model } : {}),
    ...(state === 'succeeded' ? { output: outputOf(world, call, job) } : {}),
    ...(state === 'failed' ? { error: errorOf(job.failure ?? 'The generation failed.', switches.error_shape) } : {}),
    created_at: timestamp(job.acceptedAt),
    finished_at: timestamp(job.finishedAt ?? world.now()),
    ...(switches.echo_input ? { input: job.input } : {}),
    ...costOf(world, call, job),
  });
}

export function unfinishedReply(job: Job, state: 'in_queue' | 'in_progress'): Reply {
  return jsonReply(200, { request_id: job.id, status: state });
}

/** RunComfy's reason for a failed generation, in the shapes that clients have received. */
export function errorOf(reason: string, shape: Switches['error_shape']): unknown {
  switch (shape) {
    case 'string':
      return reason;
    case 'object':
      return { message: reason, code: 'generation_failed' };
    case 'array':
      return [{ error: reason, errorCode: 500001, debugInfo: 'simulated' }];
  }
}

function costOf(world: World, call: Call, job: Job): { cost?: number } {
  if (call.url.searchParams.get('include_cost') !== 'true') return {};
  const isDue = job.costReads >= world.settings.switches.cost_delay;
  job.costReads += 1;
  return isDue ? { cost: toUsd(job.chargedMicro) } : {};
}

/** ISO 8601 with microseconds and a numeric offset. */
function timestamp(ms: number): string {
  const micros = Math.floor((ms - Math.floor(ms)) * 1000);
  return new Date(ms).toISOString().replace('Z', `${String(micros).padStart(3, '0')}+00:00`);
}
