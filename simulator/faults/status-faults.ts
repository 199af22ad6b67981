import type { Step } from '../api/call.ts';
import { unknownRequest } from '../api/errors.ts';
import { seenState } from '../api/status-words.ts';
import { isFinished } from '../world/job.ts';
import { type Fault, type FaultContext, jobOf, reply, withJson } from './fault.ts';

type Json = Record<string, unknown>;

/** The honest reply with another `status` or other changed fields. */
function changed(
  name: string,
  steps: readonly Step[],
  sentence: string,
  applies: (context: FaultContext) => boolean,
  change: (json: Json, context: FaultContext) => Json,
): Fault {
  return {
    name,
    group: 5,
    steps,
    sentence,
    applies,
    isInReplyAlone: true,
    act: (context) => reply(withJson(context.proceed(), (json) => change(json, context))),
  };
}

function hasJob(context: FaultContext): boolean {
  return jobOf(context) !== undefined;
}

function isQueued(context: FaultContext): boolean {
  const job = jobOf(context);
  return job !== undefined && seenState(job) === 'in_queue';
}

function isCancelled(context: FaultContext): boolean {
  const job = jobOf(context);
  return (
    job !== undefined &&
    (seenState(job) === 'cancelled' || (context.call.step === 'cancel' && job.state === 'in_queue'))
  );
}

function hasMoved(context: FaultContext): boolean {
  const job = jobOf(context);
  return job !== undefined && job.state !== 'in_queue';
}

/** Faults in what a status read says. */
export const statusFaults: readonly Fault[] = [
  changed(
    'unknown-status-word',
    ['status', 'result'],
    '`status` is a word nobody knows (`word`; else "rendering").',
    hasJob,
    (json, { rule }) => ({
      ...json,
      status: rule.word ?? 'rendering',
    }),
  ),
  changed('empty-status', ['status', 'result'], '`status` is an empty string.', hasJob, (json) => ({
    ...json,
    status: '',
  })),
  changed(
    'missing-status',
    ['status', 'result'],
    'There is no `status`.',
    hasJob,
    ({ status: _none, ...json }) => json,
  ),
  changed('upper-case-status', ['status', 'result', 'cancel'], '`status` is in capitals.', hasJob, (json) => ({
    ...json,
    status: String(json['status']).toUpperCase(),
  })),
  changed(
    'canceled-spelling',
    ['status', 'result', 'cancel'],
    'A cancelled job is `canceled`.',
    isCancelled,
    (json) => ({
      ...json,
      status: 'canceled',
    }),
  ),
  changed(
    'status-backwards',
    ['status'],
    'A running job is queued again, a finished one runs again.',
    hasMoved,
    (json, { call, world }) => {
      const isOver = call.job !== undefined && isFinished(call.job);
      const position = { queue_position: world.settings.switches.queue_position_base };
      return isOver ? { ...json, status: 'in_progress' } : { ...json, status: 'in_queue', ...position };
    },
  ),
  changed('queue-position-null', ['status'], '`queue_position` is null.', isQueued, (json) => ({
    ...json,
    queue_position: null,
  })),
  changed(
    'queue-position-growing',
    ['status'],
    '`queue_position` grows from read to read.',
    isQueued,
    (json, { rule }) => ({
      ...json,
      queue_position: Number(json['queue_position']) + 3 * rule.fired,
    }),
  ),
  {
    name: 'not-found',
    group: 5,
    steps: ['status', 'result', 'cancel'],
    sentence: '404 for a request that exists: nothing was done.',
    applies: hasJob,
    act: ({ world }) => reply(unknownRequest(world.settings.switches)),
  },
];
