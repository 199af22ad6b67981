const key = 'order-4711';
const runId = '01980c3e-7a1b-7c0d-8e2f-3a4b5c6d7e8f';
const requestId = '7f9c2ba4-e88f-4272-b5b0-1d2f6a3c9e10';
const model = 'kling/kling-3.0/standard/image-to-video';
const [startedAt, seenAt, endedAt] = [
  '2026-11-26T05:00:00.000Z',
  '2026-11-26T05:00:09.120Z',
  '2026-11-26T05:03:10.004Z',
];
const deadlineAt = '2026-11-27T05:00:00.000Z';
const warnings: string[] = [];
const output = { images: [], videos: ['https://media.example/clip.mp4'], audios: [] };

const result = {
  requestId,
  model,
  output,
  outputKeys: ['video'],
  costUsd: 1.26,
  timings: { queueMs: 8_000, runMs: 180_000, totalMs: 190_004, noticedAfterMs: 900 },
  reads: 9,
};
const generation = {
  key,
  runId,
  phase: 'succeeded',
  model,
  submission: 'accepted',
  requestId,
  reads: 9,
  deadlineAt,
  costUsd: 1.26,
  createdAt: startedAt,
  closedAt: endedAt,
  result,
};
const delivery = {
  event: 'generation.succeeded',
  url: 'https://shop.example/hooks/media',
  state: 'delivered',
  attempts: [{ at: endedAt, durationMs: 120, httpStatus: 204 }],
  deliveredAt: endedAt,
  webhookId: `evt_${runId}_generation.succeeded`,
};

const step = { phase: 'succeeded', key: 'film/still', costUsd: 0.02 };
const ofFilm = { key: 'film', phase: 'succeeded', costUsd: 0.02, startedAt, endedAt };

const counts = {
  total: 3,
  waiting: 0,
  inFlight: 1,
  succeeded: 1,
  failed: 1,
  cancelled: 0,
  timedOut: 0,
  unknown: 0,
  notStarted: 0,
};
const money = { spentUsd: 0.02, reservedUsd: 0.02, unpriced: 0 };
const failures = [{ type: 'GenerationFailed', count: 1, lastMessage: 'RunComfy could not make it', lastIds: ['a-17'] }];
const line = { id: 'a-16', key: 'chairs/a-16', status: 'succeeded', output, requestId, costUsd: 0.02 };

const budget = {
  name: 'spring',
  limitUsd: 250,
  period: 'month',
  periodStart: '2026-11-01T00:00:00.000Z',
  spentUsd: 40.5,
  reservedUsd: 1.26,
  availableUsd: 208.24,
  overUsd: 0,
  presumedUsd: 0,
  open: 1,
  refused: 0,
};

const about = {
  modelId: model,
  displayName: 'Kling 3.0 Standard',
  categories: ['image-to-video'],
  kind: 'model',
  basePriceUsd: 0.126,
  priceUnit: 'second',
  requiredInputs: ['prompt', 'start_image_url'],
};
const inputSchema = {
  type: 'object',
  required: ['prompt'],
  properties: { prompt: { type: 'string' }, duration: { type: 'integer', minimum: 3, maximum: 15, default: 10 } },
};

/** An example answer for each schema, by the schema's name. */
export const exampleAnswers: Readonly<Record<string, object>> = {
  GenerationInFull: { ...generation, webhooks: [delivery] },
  GenerationResult: result,
  GenerationList: { generations: [{ key, runId, model, phase: 'in_queue', requestId, createdAt: startedAt }] },
  CancelReply: { outcome: 'cancelled', phase: 'cancelled' },
  SubmissionResolutionReply: { phase: 'in_queue', requestId },
  Delivery: delivery,
  DeliveryList: { deliveries: [delivery] },
  Pipeline: {
    ...ofFilm,
    runId,
    deadlineAt,
    reservedUsd: 0,
    warnings,
    steps: [{ id: 'still', ...step, model: 'blackforestlabs/flux-2/flash/text-to-image', requestId }],
  },
  PipelineList: { pipelines: [{ key: 'film', runId, phase: 'running', startedAt }] },
  PipelineResult: { ...ofFilm, outputs: { still: output.videos }, steps: { still: { ...step, output } } },
  PipelinePreview: {
    key: 'film',
    attached: false,
    steps: [],
    ordered: 1,
    reused: 0,
    currency: 'USD',
    orders: [{ step: 'still', decision: 'order', reason: 'never ordered', key: 'film/still', priceUsd: 0.02 }],
    totalUsd: 0.02,
    atLeastUsd: 0.02,
    warnings,
  },
  PipelineCancelReply: {
    outcome: 'cancelled',
    phase: 'cancelled',
    steps: [{ id: 'still', key: 'film/still', outcome: 'cancelled' }],
  },
  DecisionReply: { phase: 'running' },
  Batch: {
    key: 'chairs',
    runId,
    phase: 'running',
    sealed: true,
    window: 20,
    counts,
    money,
    failures,
    startedAt,
    resultPages: 1,
    input: { count: 3, digest: '5d41402abc4b2a76', pages: 1 },
  },
  BatchList: { batches: [{ key: 'chairs', runId, phase: 'running', counts, startedAt }] },
  BatchResult: {
    key: 'chairs',
    phase: 'partial',
    counts: { ...counts, inFlight: 0, succeeded: 2 },
    money: { ...money, spentUsd: 0.04, reservedUsd: 0 },
    failures,
    startedAt,
    endedAt,
    resultPages: 1,
  },
  BatchLines: { lines: [line] },
  BatchCancelReply: {
    outcome: { cancelled: 1, notCancellable: 0, tooLate: 0, unknown: 0, notSubmitted: 0, neverStarted: 1 },
    phase: 'cancelled',
  },
  ItemCount: { count: 3 },
  BatchSetting: { window: 5, maxCostUsd: 20 },
  BatchTold: { phase: 'running' },
  Budget: budget,
  BudgetList: { budgets: [budget] },
  ReservationList: { reservations: [{ key, priceUsd: 1.26, reservedAt: startedAt, ageMs: 9_120 }] },
  Model: { ...about, inputSchema },
  ModelList: { models: [about], total: 1 },
  InputCheck: {
    valid: false,
    issues: [{ path: '$.duration', message: 'expected a whole number from 3 to 15, got 99' }],
    warnings,
    price: { usd: 1.26, basis: 'per second' },
  },
  Balance: { usd: 118.4, currency: 'USD', readAt: seenAt },
  WhoAmI: { tenant: 'acme', scopes: ['read', 'generate'], keyId: 'k7Qd2aB9', name: 'render farm', version: '0.1.0' },
};
