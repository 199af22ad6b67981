import type { FailureType } from '../../domain/failure-type.ts';
import type { CancelOutcome, GenerationRequest, Phase, Submission } from '../../domain/generation.ts';
import type { FaultRule } from '../../simulator/index.ts';

export const matrixSteps = ['submit', 'status', 'result', 'cancel'] as const;

export type MatrixStep = (typeof matrixSteps)[number];

/** How a generation must end, and what it may cost. */
export interface Expected {
  /** Missing: the output is delivered. */
  type?: FailureType;
  phase: Phase;
  submission: Submission;
  /** Orders that RunComfy took, and those that it charged. */
  accepted: number;
  charged: number;
  cancel?: CancelOutcome;
  /** Output URLs; default 1 where delivered. */
  files?: number;
  /** `SubmitOutcomeUnknown` before anybody decides. */
  isUnknown?: true;
}

/** One fault at one step, and what must come of it. */
export interface MatrixRow {
  name: string;
  step: MatrixStep;
  rules: FaultRule[];
  expected: Expected;
  request?: Partial<GenerationRequest>;
  /** `ours`: we cancel while it is queued; `elsewhere`: the account's owner does, not through us. */
  cancelledBy?: 'us' | 'elsewhere';
}

const delivered: Expected = { phase: 'succeeded', submission: 'accepted', accepted: 1, charged: 1 };
const stoppedElsewhere: Expected = {
  type: 'GenerationCancelled',
  phase: 'cancelled',
  submission: 'accepted',
  accepted: 1,
  charged: 0,
};
const stopped: Expected = { ...stoppedElsewhere, cancel: 'cancelled' };
const failed: Expected = { ...delivered, type: 'GenerationFailed', phase: 'failed', charged: 0 };
const refused = (type: FailureType): Expected => ({
  type,
  phase: 'failed',
  submission: 'refused',
  accepted: 0,
  charged: 0,
});
/** Paid, and nothing usable ever came: the id must be in the failure. */
const undeliverable = (type: FailureType): Expected => ({ ...delivered, type, phase: 'failed' });

function row(step: MatrixStep, fault: string, expected: Expected, more: Partial<FaultRule> = {}): MatrixRow {
  return { name: `${step} · ${fault}`, step, rules: [{ fault, step, ...more }], expected };
}

/** The reply does not prove what became of the POST: held until somebody decides, failed, or sent again, as the policy says. */
function unknown(fault: string, accepted: 0 | 1, more: Partial<FaultRule> = {}): MatrixRow[] {
  const end: Expected = {
    type: 'SubmitOutcomeUnknown',
    phase: 'submission_unknown',
    submission: 'unknown',
    accepted,
    charged: accepted,
    isUnknown: true,
  };
  const hold = row('submit', fault, end, more);
  const twice: Expected = { ...delivered, accepted: accepted + 1, charged: accepted + 1 };
  return [
    hold,
    { ...hold, name: `${hold.name} · fail`, request: { onUnknownSubmission: 'fail' } },
    {
      ...row('submit', fault, twice, { ...more, times: 1 }),
      name: `${hold.name} · resubmit`,
      request: { onUnknownSubmission: 'resubmit' },
    },
  ];
}

const submitRows: MatrixRow[] = [
  ...['accept-then-reset', 'accept-then-reset-after-headers', 'accept-then-cut-body', 'accept-then-hang'].flatMap(
    (fault) => unknown(fault, 1),
  ),
  ...[408, 500, 502, 503, 504].flatMap((status) => unknown(`accept-then-${String(status)}`, 1)),
  ...['no-request-id', 'blank-request-id', 'non-string-request-id', 'code-beside-request-id', 'cut-body'].flatMap(
    (fault) => unknown(fault, 1),
  ),
  ...['not-json', 'empty-body', 'empty-array', 'empty-object', 'null-body', 'html-body'].flatMap((fault) =>
    unknown(fault, 1),
  ),
  ...['reset-before-accept', 'unavailable-bare', 'http-5xx', 'http-status', 'reset', 'hang'].flatMap((fault) =>
    unknown(fault, 0),
  ),
  ...unknown('redirect-302', 0),
  ...unknown('redirect-307', 0),
  row('submit', 'accept-then-delay', delivered, { delayMs: 1_000 }),
  row('submit', 'delay', delivered, { delayMs: 1_000 }),
  row('submit', 'slow-body', delivered, { delayMs: 1_000 }),
  row('submit', 'foreign-urls', delivered),
  row('submit', 'price-changed', delivered),
  row('submit', 'unavailable-json', delivered, { times: 2 }),
  row('submit', 'rate-limited', delivered, { times: 2, retryAfter: 1 }),
  row('submit', 'job-fails', failed, { word: 'scripted reason' }),
  row('submit', 'model-removed', refused('InvalidInput')),
  row('submit', 'error-code-200', refused('Unauthenticated')),
  row('submit', 'token-revoked', refused('Unauthenticated')),
  row('submit', 'token-echo', refused('Unauthenticated')),
  {
    ...row('submit', 'stuck-in-queue', {
      ...stopped,
      type: 'GenerationTimedOut',
      phase: 'timed_out',
      cancel: 'cancelled',
    }),
    request: { deadlineMs: 20_000 },
  },
  {
    ...row('submit', 'stuck-running', {
      ...stopped,
      type: 'GenerationTimedOut',
      phase: 'timed_out',
      cancel: 'not_cancellable',
    }),
    request: { deadlineMs: 20_000 },
  },
];

/** Trouble of the network and of gateways: a read is simply made again. */
const passing: [string, Partial<FaultRule>?][] = [
  ['unavailable-json'],
  ['unavailable-bare'],
  ['rate-limited', { retryAfter: 1 }],
  ['not-json'],
  ['empty-body'],
  ['empty-array'],
  ['empty-object'],
  ['null-body'],
  ['error-code-200'],
  ['http-5xx'],
  ['http-status'],
  ['html-body'],
  ['reset'],
  ['hang', { times: 1 }],
  ['delay', { delayMs: 500 }],
  ['cut-body'],
  ['slow-body', { delayMs: 500 }],
  ['redirect-302'],
  ['redirect-307'],
  ['token-revoked'],
  ['token-echo'],
  ['not-found'],
];
const passingRows = (step: MatrixStep, expected: Expected): MatrixRow[] =>
  passing.map(([fault, more]) => row(step, fault, expected, { times: 2, ...more }));

const statusRows: MatrixRow[] = [
  ...passingRows('status', delivered),
  ...['unknown-status-word', 'empty-status', 'missing-status', 'status-backwards'].map((fault) =>
    row('status', fault, delivered, { times: 2 }),
  ),
  ...['upper-case-status', 'queue-position-null', 'queue-position-growing', 'foreign-urls'].map((fault) =>
    row('status', fault, delivered),
  ),
  { ...row('status', 'canceled-spelling', stoppedElsewhere), cancelledBy: 'elsewhere' },
  { ...row('status', 'not-found', undeliverable('RequestNotFound')), name: 'status · not-found for good' },
  { ...row('status', 'empty-array', undeliverable('ProtocolMismatch')), name: 'status · empty-array for good' },
];

const resultRows: MatrixRow[] = [
  ...passingRows('result', delivered),
  ...['result-lags', 'not-ready-400005', 'no-output', 'empty-lists'].map((fault) =>
    row('result', fault, delivered, { times: 2 }),
  ),
  ...['unknown-status-word', 'empty-status', 'missing-status', 'upper-case-status'].map((fault) =>
    row('result', fault, delivered),
  ),
  ...['singular-only', 'plural-only', 'both', 'duplicates', 'bare-string', 'bare-array', 'object-array', 'nested'].map(
    (fault) => row('result', fault, delivered),
  ),
  ...['echoed-input-as-output', 'untrusted-url', 'traversal-names', 'cost-late', 'other-model-id'].map((fault) =>
    row('result', fault, delivered),
  ),
  row('result', 'same-names', { ...delivered, files: 2 }),
  ...['result-failed', 'error-object', 'error-array', 'failed-as-error'].map((fault) =>
    row('result', fault, failed, { word: 'scripted reason' }),
  ),
  {
    ...row('result', 'canceled-spelling', stoppedElsewhere),
    rules: [
      { fault: 'unknown-status-word', step: 'status', word: 'completed', skip: 1 },
      { fault: 'canceled-spelling', step: 'result' },
    ],
    cancelledBy: 'elsewhere',
  },
  ...['no-output', 'empty-lists'].map((fault) => ({
    ...row('result', fault, undeliverable('ProtocolMismatch')),
    name: `result · ${fault} for good`,
  })),
];

const notStopped: Expected = { ...delivered, cancel: 'not_cancellable' };

const cancelRows: MatrixRow[] = [
  ...passingRows('cancel', stopped),
  ...['cancel-404', 'cancel-500'].map((fault) => row('cancel', fault, stopped, { times: 2 })),
  row('cancel', 'cancel-hang', stopped, { times: 1 }),
  ...['cancel-reset', 'cancel-without-outcome', 'cancel-not-cancellable-but-cancelled'].map((fault) =>
    row('cancel', fault, stopped),
  ),
  ...['upper-case-status', 'canceled-spelling'].map((fault) => row('cancel', fault, stopped)),
  row('cancel', 'cancel-race', notStopped),
  // RunComfy says `cancelled` twice, on the cancel and on the status, and charges later: nothing here can see that.
  row('cancel', 'cancelled-then-succeeds', { ...stopped, charged: 1 }),
  { ...row('cancel', 'cancel-500', { ...delivered, cancel: 'unknown' }), name: 'cancel · cancel-500 for good' },
].map((cancelRow) => ({ ...cancelRow, cancelledBy: 'us' as const }));

/** Every fault of the simulator at every step of a generation that it applies to. */
export const matrix: MatrixRow[] = [...submitRows, ...statusRows, ...resultRows, ...cancelRows];
