import { jsonReply, type Reply } from '../http/reply.ts';
import type { Job } from '../world/job.ts';
import type { World } from '../world/world.ts';
import { type Call, ownJob } from './call.ts';
import { seenState, statusWordOf } from './status-words.ts';

/** Answers `GET /v1/requests/{id}/status`. */
export function readStatus(world: World, call: Call): Reply {
  const found = ownJob(world, call);
  if ('refusal' in found) return found.refusal;
  world.drive(found.job);
  return jsonReply(200, statusBody(world, call, found.job));
}

function statusBody(world: World, call: Call, job: Job): Record<string, unknown> {
  const { switches } = world.settings;
  const base = `${switches.public_base ?? call.origin}/v1/requests/${job.id}`;
  return {
    request_id: job.id,
    status: statusWordOf(job, switches),
    ...(seenState(job) === 'in_queue' ? { queue_position: world.queuePosition(job) } : {}),
    status_url: `${base}/status`,
    result_url: `${base}/result`,
  };
}
