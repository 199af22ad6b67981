import { drawTimes } from '../settings/profiles.ts';
import type { Settings } from '../settings/settings.ts';
import type { Job, JobDraft } from './job.ts';
import { createRandom, drawId, drawUuid } from './random.ts';

const othersAheadBelow = 4;

/** Creates the job number `ordinal`. Its id and times depend only on the settings and that number. */
export function createJob(draft: JobDraft, ordinal: number, acceptedAt: number, settings: Settings): Job {
  const { stuck, ...facts } = draft;
  const random = createRandom(settings.seed, ordinal);
  const id = settings.switches.id_format === 'uuid4' ? drawUuid(random) : drawId(random, 24);
  const times = drawTimes(settings.profiles, draft, settings.speed, random);
  const { queueMs, runMs } = 'queueMs' in times ? times : { queueMs: 0, runMs: 0 };
  const stage = stuck ?? settings.hold?.stage;
  return {
    ...facts,
    id,
    ordinal,
    acceptedAt,
    queueMs,
    runMs,
    ...('queueMs' in times ? {} : { drive: times }),
    othersAhead: Math.floor(random() * othersAheadBelow),
    state: 'in_queue',
    eligibleAt: acceptedAt + queueMs,
    ...(stage === 'queue' ? { held: stage } : {}),
    ...(stuck === undefined ? {} : { isStuck: true }),
    chargedMicro: 0,
    drivenReads: 0,
    costReads: 0,
    statusCalls: 0,
    resultCalls: 0,
    cancelCalls: 0,
  };
}
