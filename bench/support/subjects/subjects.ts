import type { ProtocolName } from './protocols.ts';

/** A subject of the fault comparison: a peer with one of its settings, or this product with one of its policies. */
export interface Subject {
  subject: string;
  setting: string;
  /** Explains the setting, for the printed table. */
  meaning: string;
  /** Its program in `bench/peers`; missing for this product. */
  program?: string;
  /** The peer's own wire protocol; missing if it speaks RunComfy's. */
  protocol?: ProtocolName;
}

function peer(subject: string, program: string, settings: Record<string, string>, protocol?: ProtocolName): Subject[] {
  return Object.entries(settings).map(([setting, meaning]) => ({
    subject,
    setting,
    meaning,
    program,
    ...(protocol && { protocol }),
  }));
}

/** Every subject of the comparison. */
export const subjects: readonly Subject[] = [
  {
    subject: 'runcomfy-temporal',
    setting: 'hold',
    meaning: 'the default: an unknown submission waits for its id or a decision',
  },
  { subject: 'runcomfy-temporal', setting: 'fail', meaning: 'an unknown submission ends the generation' },
  {
    subject: 'resubmit',
    setting: 'resubmit',
    meaning: 'runcomfy-temporal, its caller accepts one second bill in words',
  },
  ...peer('naive Temporal workflow', 'naive-temporal', {
    default: 'an activity per call, default retries',
    safest: 'submit with maximumAttempts 1',
  }),
  ...peer('fal-js', 'fal', { default: 'subscribe', safest: 'subscribe, retry.maxRetries 0' }, 'fal'),
  ...peer(
    'replicate-js',
    'replicate',
    { default: 'run, polling', safest: 'predictions.create, then wait; there is no setting for repetition' },
    'replicate',
  ),
  ...peer(
    'Comfy SDK',
    'comfy',
    { default: 'run', safest: 'submit with an idempotency key, handle rebuilt from the id when the watch fails' },
    'comfy',
  ),
  ...peer(
    'runpod-sdk',
    'runpod',
    { default: 'run, status every second', safest: 'the same with timeouts of 60 s' },
    'runpod',
  ),
  ...peer('DBOS', 'dbos', {
    default: 'steps as they come: no retries',
    'retries on': 'retriesAllowed on every step',
    safest: 'submit without retries, reads with 12 attempts',
  }),
  ...peer('Restate', 'restate', {
    default: 'ctx.run with its default retries',
    safest: 'submit with maxRetryAttempts 1',
  }),
];

/** The name of a subject with its setting, for humans. */
export function labelOf({ subject, setting }: Pick<Subject, 'subject' | 'setting'>): string {
  return subject === setting ? subject : `${subject} (${setting})`;
}

/** Whether the subject runs on Temporal, so that Temporal's own troubles apply to it. */
export function isOnTemporal({ program }: Subject): boolean {
  return program === undefined || program === 'naive-temporal';
}
