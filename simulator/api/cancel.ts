import { jsonReply, type Reply } from '../http/reply.ts';
import type { Job } from '../world/job.ts';
import type { World } from '../world/world.ts';
import { type Call, ownJob } from './call.ts';
import { statusWordOf } from './status-words.ts';

/** Answers `POST /v1/requests/{id}/cancel`. Only queued work is cancelled. */
export function cancelRequest(world: World, call: Call): Reply {
  const found = ownJob(world, call);
  if ('refusal' in found) return found.refusal;
  const isCancelled = world.cancel(found.job);
  return cancelReply(world, found.job, isCancelled ? 'cancelled' : 'not_cancellable');
}

export function cancelReply(world: World, job: Job, outcome: 'cancelled' | 'not_cancellable'): Reply {
  const { switches } = world.settings;
  const status = switches.cancel_status_field === 'completed' ? 'completed' : statusWordOf(job, switches);
  return jsonReply(202, { request_id: job.id, status, outcome });
}
