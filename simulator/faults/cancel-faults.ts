import { cancelReply } from '../api/cancel.ts';
import { errorReply, unknownRequest } from '../api/errors.ts';
import type { Job } from '../world/job.ts';
import { type Fault, type FaultContext, jobOf, reply, type WireAnswer } from './fault.ts';

/** A fault that applies only while the job is still queued. */
function whileQueued(name: string, sentence: string, act: (job: Job, context: FaultContext) => WireAnswer): Fault {
  return {
    name,
    group: 8,
    steps: ['cancel'],
    sentence,
    applies: (context) => jobOf(context)?.state === 'in_queue',
    act: (context) => {
      const job = jobOf(context);
      return job === undefined ? reply(context.proceed()) : act(job, context);
    },
  };
}

function ofOwnJob(name: string, sentence: string, act: (context: FaultContext) => WireAnswer): Fault {
  return { name, group: 8, steps: ['cancel'], sentence, applies: (context) => jobOf(context) !== undefined, act };
}

/** Faults of the cancel call. */
export const cancelFaults: readonly Fault[] = [
  whileQueued('cancel-race', 'The job starts just before the cancel arrives.', (job, { world, proceed }) => {
    world.start(job);
    return reply(proceed());
  }),
  whileQueued(
    'cancel-not-cancellable-but-cancelled',
    'The reply says `not_cancellable`, the job is cancelled.',
    (job, context) => {
      context.proceed();
      return reply(cancelReply(context.world, job, 'not_cancellable'));
    },
  ),
  whileQueued(
    'cancelled-then-succeeds',
    'The reply says `cancelled`, yet the job runs, succeeds and is charged.',
    (job, { world }) => {
      job.ignoresCancel = true;
      world.save(job, { sync: true });
      return reply(cancelReply(world, job, 'cancelled'));
    },
  ),
  ofOwnJob('cancel-404', '404: nothing was done.', ({ world }) => reply(unknownRequest(world.settings.switches))),
  ofOwnJob('cancel-500', '500: nothing was done.', ({ world }) =>
    reply(errorReply(world.settings.switches, 500, 500001, 'Internal error.')),
  ),
  ofOwnJob('cancel-hang', 'No answer comes: nothing was done.', () => ({ how: 'hang' })),
  ofOwnJob('cancel-reset', 'The cancel is carried out, its reply is lost.', ({ proceed }) => {
    proceed();
    return { how: 'reset' };
  }),
  ofOwnJob('cancel-without-outcome', 'The cancel is carried out, the reply has `status` alone.', ({ proceed }) => {
    const { status, json } = proceed();
    const { outcome: _none, ...rest } = json as Record<string, unknown>;
    return reply({ status, json: rest });
  }),
];
