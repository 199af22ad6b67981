import type { FaultRule } from '../faults/rule.ts';
import type { Profiles } from './profiles.ts';
import type { Switches } from './switches.ts';

/** A named state of the service, as its differences from the normal one. */
export interface Scenario {
  readonly name: string;
  readonly sentence: string;
  readonly switches?: Partial<Switches>;
  readonly profiles?: Profiles;
  readonly faults?: readonly FaultRule[];
}

const quick: Profiles = { '*': { queueMs: [500, 1_000], runMs: [1_000, 3_000] } };

/** Every scenario that can be chosen by name. */
export const scenarios: readonly Scenario[] = [
  { name: 'normal', sentence: 'The service as documented, at its usual pace.' },
  {
    name: 'demo',
    sentence: 'A job queues for 3 seconds and runs for 8, so that all of it can be watched.',
    profiles: { '*': { queueMs: 3_000, runMs: 8_000 } },
  },
  { name: 'quick', sentence: 'Every job is done within 4 seconds.', profiles: quick },
  { name: 'instant', sentence: 'Every job is done at once.', profiles: { '*': { queueMs: 0, runMs: 0 } } },
  {
    name: 'fails',
    sentence: 'Every job runs and fails.',
    profiles: quick,
    faults: [{ fault: 'job-fails', step: 'submit', word: 'The content was rejected by the safety filter.' }],
  },
  {
    name: 'lost-reply',
    sentence: 'The first submit is accepted, its reply is lost.',
    profiles: quick,
    faults: [{ fault: 'accept-then-reset', step: 'submit', times: 1 }],
  },
  {
    name: 'busy-before-accept',
    sentence: 'The first two submits get 503 before anything was done.',
    profiles: quick,
    faults: [{ fault: 'unavailable-json', step: 'submit', times: 2, retryAfter: 1 }],
  },
  {
    name: 'bad-gateway',
    sentence: 'One read in three gets 502, 504 or a reset.',
    profiles: quick,
    faults: [
      { fault: 'http-5xx', step: 'status', probability: 0.15, httpStatus: 502 },
      { fault: 'http-5xx', step: 'status', probability: 0.1, httpStatus: 504 },
      { fault: 'reset', step: 'status', probability: 0.1 },
      { fault: 'http-5xx', step: 'result', probability: 0.3, httpStatus: 502 },
    ],
  },
  {
    name: 'rate-limited',
    sentence: 'Two submits a second, 429 with `Retry-After` beyond.',
    profiles: quick,
    switches: { max_submits_per_second: 2, retry_after: 'seconds' },
  },
  {
    name: 'rate-limited-in-silence',
    sentence: 'Two submits a second, 429 without `Retry-After` beyond.',
    profiles: quick,
    switches: { max_submits_per_second: 2 },
  },
  {
    name: 'not-ready-400005',
    sentence: 'An unready result is 400 with 400005, and the result lags behind the status.',
    profiles: quick,
    switches: { not_ready: 'err400005' },
    faults: [{ fault: 'not-ready-400005', step: 'result', times: 2 }],
  },
  {
    name: 'strange-words',
    sentence: 'Status words nobody knows, empty ones and capitals.',
    profiles: quick,
    faults: [
      { fault: 'unknown-status-word', step: 'status', times: 1 },
      { fault: 'empty-status', step: 'status', times: 1 },
      { fault: 'upper-case-status', step: 'status' },
    ],
  },
  {
    name: 'cancel-race',
    sentence: 'Whatever is cancelled in the queue starts just before.',
    profiles: { '*': { queueMs: 60_000, runMs: 10_000 } },
    faults: [{ fault: 'cancel-race', step: 'cancel' }],
  },
  {
    name: 'stuck',
    sentence: 'No job ever leaves the queue by itself.',
    faults: [{ fault: 'stuck-in-queue', step: 'submit' }],
  },
  { name: 'no-balance', sentence: 'Every wallet is empty.', switches: { wallet_usd: 0 } },
  { name: 'errors-in-200', sentence: 'Errors come with HTTP 200.', switches: { errors_in_200: true }, profiles: quick },
  { name: 'auth-400', sentence: 'A bad token is 400 with 400004.', switches: { auth_style: '400+400004' } },
  { name: 'auth-403', sentence: 'A bad token is 403.', switches: { auth_style: '403' } },
  {
    name: 'echoed-input',
    sentence: 'The output repeats URLs of the input.',
    profiles: quick,
    faults: [{ fault: 'echoed-input-as-output', step: 'result' }],
  },
  {
    name: 'bad-downloads',
    sentence: 'The first download is refused, the second cut off.',
    profiles: quick,
    faults: [
      { fault: 'file-403', step: 'file', times: 1 },
      { fault: 'file-truncated', step: 'file', times: 1 },
    ],
  },
  {
    name: 'contrary',
    sentence: 'Every contradiction of the documents is decided the other way.',
    profiles: quick,
    switches: {
      submit_http: 202,
      submit_includes_status: true,
      failed_in_status: true,
      success_word: 'completed',
      not_ready: 'err400005',
      auth_style: '400+400004',
      balance_style: '400+400002',
      cancelled_spelling: 'canceled',
      error_shape: 'array',
      output_keys: 'both',
      errors_in_200: true,
      queue_position_base: 0,
    },
  },
];

/** Finds a scenario by name; throws one sentence that lists the names if there is none. */
export function findScenario(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const names = scenarios.map((scenario) => scenario.name).join(', ');
  throw new Error(`There is no scenario "${name}"; there are ${names}.`);
}
