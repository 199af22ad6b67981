import { describe, expect, it } from 'vitest';
import type { FaultRule, LedgerJob } from '../../../simulator/index.ts';
import { faultNames } from '../../../simulator/index.ts';
import type { Answer, TestSimulator } from '../../support/simulator-client.ts';
import { klingInput, kling, startTestSimulator } from '../../support/simulator-client.ts';

type Step = FaultRule['step'];
type Outcome = Answer | { error: string };
/** `over`: the work has succeeded, and nobody has read it; `succeeded`: the result has told so. */
type Stage = 'queued' | 'running' | 'over' | 'succeeded' | 'cancelled';

/** What is asked of a fault at one step. */
interface Expectation {
  /** Parameters of the rule. */
  rule?: Partial<FaultRule>;
  /** Where the job stands before the call; of steps other than submit. */
  stage?: Stage;
  /** What the caller sees. */
  seen: (outcome: Outcome, honest: HonestFacts) => void;
  /** State and charge of the job after its usual time; `none`: no job came to be. */
  becomes?: LedgerJob['state'] | 'none';
}

interface HonestFacts {
  id: string;
  outputUrl: string;
  origin: string;
}

const refused = 'none' as const;

function answer(outcome: Outcome): Answer {
  if ('error' in outcome) throw new Error(`The call failed with ${outcome.error}.`);
  return outcome;
}

/** The caller gets this status and, where given, these parts of the JSON body. */
function gets(status: number, json?: Record<string, unknown>): Expectation['seen'] {
  return (outcome) => {
    expect(answer(outcome).status).toBe(status);
    if (json !== undefined) expect(answer(outcome).json).toMatchObject(json);
  };
}

function getsText(status: number, text: string | RegExp): Expectation['seen'] {
  return (outcome) => {
    expect(answer(outcome).status).toBe(status);
    if (typeof text === 'string') expect(answer(outcome).text).toBe(text);
    else expect(answer(outcome).text).toMatch(text);
  };
}

/** The connection ends with this error, or the body does. */
function fails(error: RegExp): Expectation['seen'] {
  return (outcome) => {
    expect('error' in outcome ? outcome.error : 'answered').toMatch(error);
  };
}

function getsOutput(make: (facts: HonestFacts) => unknown): Expectation {
  return {
    stage: 'succeeded',
    becomes: 'succeeded',
    seen: (outcome, facts) => {
      expect(answer(outcome).json['status']).toBe('succeeded');
      expect(answer(outcome).json['output']).toEqual(make(facts));
    },
  };
}

function headerIs(name: string, value: string | null): Expectation['seen'] {
  return (outcome) => {
    expect(answer(outcome).headers.get(name)).toBe(value);
  };
}

function all(...checks: Expectation['seen'][]): Expectation['seen'] {
  return (outcome, facts) => {
    for (const check of checks) check(outcome, facts);
  };
}

const reset = fails(/ECONNRESET|other side closed|socket hang up/);
const cut = fails(/terminated|other side closed|ECONNRESET/);
const late = fails(/aborted/);
const delayed: Expectation = {
  rule: { delayMs: 20 },
  seen: (outcome) => {
    expect(answer(outcome).status).toBeLessThan(300);
  },
};
const everyDay = (expectation: Expectation) => ({ '*': expectation });

/** By fault, then by step; `*` stands for every step that is not named. */
const expectations: Record<string, Partial<Record<Step | '*', Expectation>>> = {
  'accept-then-reset': everyDay({ seen: reset }),
  'accept-then-reset-after-headers': everyDay({ seen: cut }),
  'accept-then-cut-body': everyDay({ seen: cut }),
  'accept-then-delay': everyDay({ ...delayed }),
  'accept-then-hang': everyDay({ seen: late }),
  'accept-then-408': everyDay({ seen: getsText(408, /<h1>/) }),
  'accept-then-500': everyDay({ seen: getsText(500, /<h1>/) }),
  'accept-then-502': everyDay({ seen: getsText(502, /<h1>/) }),
  'accept-then-503': everyDay({ seen: getsText(503, /<h1>/) }),
  'accept-then-504': everyDay({ seen: getsText(504, /<h1>/) }),
  'reset-before-accept': everyDay({ seen: reset, becomes: refused }),
  'no-request-id': everyDay({ seen: getsText(200, '{"status":"queued"}') }),
  'blank-request-id': everyDay({ seen: getsText(200, '{"request_id":"  "}') }),
  'non-string-request-id': everyDay({ seen: getsText(200, '{"request_id":4711}') }),
  'job-fails': everyDay({ seen: gets(200), becomes: 'failed' }),
  'stuck-in-queue': everyDay({ seen: gets(200), becomes: 'in_queue' }),
  'stuck-running': everyDay({ seen: gets(200), becomes: 'in_progress' }),
  'foreign-urls': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json['result_url']).toMatch(/^http:\/\/foreign\.invalid\/v1\/requests\//);
    },
  }),
  'price-changed': everyDay({ seen: gets(200) }),
  'model-removed': everyDay({ seen: gets(400, { error_code: 400001 }), becomes: refused }),
  'schema-unusable': everyDay({ seen: gets(200, { model_id: kling, input_schema: { type: 'array' } }) }),

  'unavailable-json': everyDay({
    rule: { retryAfter: 3 },
    seen: all(gets(503, { error_code: 503001 }), headerIs('retry-after', '3')),
    becomes: refused,
  }),
  'unavailable-bare': everyDay({ seen: getsText(503, ''), becomes: refused }),
  'rate-limited': {
    '*': { rule: { retryAfter: 2 }, seen: all(gets(429), headerIs('retry-after', '2')), becomes: refused },
    status: { seen: all(gets(429), headerIs('retry-after', null)) },
    result: {
      rule: { retryAfter: 'date' },
      seen: (outcome) => {
        expect(Date.parse(answer(outcome).headers.get('retry-after') ?? '')).toBeGreaterThan(Date.now());
      },
    },
  },
  'not-json': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('OK, accepted');
    },
  }),
  'empty-body': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('');
    },
  }),
  'empty-array': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('[]');
    },
  }),
  'empty-object': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('{}');
    },
  }),
  'null-body': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('null');
    },
  }),
  'error-code-200': everyDay({ seen: gets(200, { error_code: 403003 }), becomes: refused }),
  'http-5xx': everyDay({ rule: { httpStatus: 504 }, seen: getsText(504, /<html>/), becomes: refused }),
  'http-status': everyDay({
    rule: { httpStatus: 418, body: { error: 'teapot' } },
    seen: gets(418, { error: 'teapot' }),
    becomes: refused,
  }),
  'html-body': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).status).toBeLessThan(300);
      expect(answer(outcome).headers.get('content-type')).toBe('text/html');
    },
  }),
  reset: everyDay({ seen: reset, becomes: refused }),
  hang: everyDay({ seen: late, becomes: refused }),
  delay: everyDay(delayed),
  'cut-body': everyDay({ seen: cut }),
  'slow-body': everyDay(delayed),
  'redirect-302': everyDay({
    rule: { location: 'http://elsewhere.invalid/' },
    seen: all(gets(302), headerIs('location', 'http://elsewhere.invalid/')),
    becomes: refused,
  }),
  'redirect-307': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).status).toBe(307);
      expect(answer(outcome).headers.get('location')).toMatch(/^http:\/\/localhost:\d+\/__sim\/elsewhere\//);
    },
    becomes: refused,
  }),
  'token-revoked': everyDay({ seen: gets(401, { error_code: 401001 }), becomes: refused }),
  'token-echo': everyDay({
    seen: all(gets(401), (outcome) => {
      expect(answer(outcome).text).toContain('Bearer sim-test');
    }),
    becomes: refused,
  }),

  'unknown-status-word': everyDay({ seen: gets(200, { status: 'rendering' }) }),
  'empty-status': everyDay({ seen: gets(200, { status: '' }) }),
  'missing-status': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json).not.toHaveProperty('status');
    },
  }),
  'upper-case-status': {
    '*': { stage: 'succeeded', seen: gets(200, { status: 'SUCCEEDED' }) },
    status: { stage: 'running', seen: gets(200, { status: 'IN_PROGRESS' }) },
    cancel: { seen: gets(202, { status: 'CANCELLED' }), becomes: 'cancelled' },
  },
  'canceled-spelling': {
    '*': { stage: 'cancelled', seen: gets(200, { status: 'canceled' }), becomes: 'cancelled' },
    cancel: { seen: gets(202, { status: 'canceled', outcome: 'cancelled' }), becomes: 'cancelled' },
  },
  'status-backwards': everyDay({ stage: 'running', seen: gets(200, { status: 'in_queue', queue_position: 1 }) }),
  'queue-position-null': everyDay({ seen: gets(200, { status: 'in_queue', queue_position: null }) }),
  'queue-position-growing': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json['queue_position']).toBeGreaterThanOrEqual(4);
    },
  }),
  'not-found': everyDay({ seen: gets(404, { error_code: 404001 }) }),

  'result-failed': everyDay({
    rule: { word: 'No luck.' },
    stage: 'over',
    seen: gets(200, { status: 'failed', error: 'No luck.' }),
    becomes: 'failed',
  }),
  'error-object': everyDay({
    stage: 'over',
    seen: gets(200, { status: 'failed', error: { message: expect.any(String) as string } }),
    becomes: 'failed',
  }),
  'error-array': everyDay({
    stage: 'over',
    seen: gets(200, { status: 'failed', error: [{ error: expect.any(String) as string }] }),
    becomes: 'failed',
  }),
  'result-lags': everyDay({ stage: 'succeeded', seen: gets(200, { status: 'in_progress' }) }),
  'not-ready-400005': everyDay({ stage: 'succeeded', seen: gets(400, { error_code: 400005 }) }),
  'no-output': everyDay(getsOutput(() => undefined)),
  'empty-lists': everyDay(getsOutput(() => ({ images: [], videos: [], audios: [] }))),
  'singular-only': everyDay(getsOutput(({ outputUrl }) => ({ video: outputUrl }))),
  'plural-only': everyDay(getsOutput(({ outputUrl }) => ({ videos: [outputUrl] }))),
  both: everyDay(getsOutput(({ outputUrl }) => ({ video: outputUrl, videos: [outputUrl] }))),
  duplicates: everyDay(getsOutput(({ outputUrl }) => ({ videos: [outputUrl, outputUrl] }))),
  'bare-string': everyDay(getsOutput(({ outputUrl }) => outputUrl)),
  'bare-array': everyDay(getsOutput(({ outputUrl }) => [outputUrl])),
  'object-array': everyDay(getsOutput(({ outputUrl }) => [{ url: outputUrl }])),
  nested: everyDay(getsOutput(({ outputUrl }) => ({ result: { video: outputUrl } }))),
  'echoed-input-as-output': everyDay(
    getsOutput(({ outputUrl }) => ({
      video: outputUrl,
      images: [klingInput.start_image_url],
      input: [klingInput.start_image_url],
    })),
  ),
  'untrusted-url': everyDay(
    getsOutput(({ outputUrl, origin }) => ({ videos: [outputUrl.replace(origin, 'http://files.invalid')] })),
  ),
  'traversal-names': everyDay(
    getsOutput(({ outputUrl }) => ({ videos: [outputUrl.replace(/([^/]+)$/, '..%2F..%2F$1')] })),
  ),
  'same-names': everyDay(
    getsOutput(({ outputUrl }) => ({
      videos: [outputUrl.replace(/([^/]+)$/, 'a/$1'), outputUrl.replace(/([^/]+)$/, 'b/$1')],
    })),
  ),
  'cost-late': everyDay({
    stage: 'succeeded',
    seen: (outcome) => {
      expect(answer(outcome).json).not.toHaveProperty('cost');
    },
  }),
  'other-model-id': everyDay({ stage: 'succeeded', seen: gets(200, { model_id: 'somebody/else' }) }),

  'cancel-race': everyDay({
    seen: gets(202, { status: 'in_progress', outcome: 'not_cancellable' }),
    becomes: 'succeeded',
  }),
  'cancel-not-cancellable-but-cancelled': everyDay({
    seen: gets(202, { outcome: 'not_cancellable' }),
    becomes: 'cancelled',
  }),
  'cancelled-then-succeeds': everyDay({
    seen: gets(202, { status: 'cancelled', outcome: 'cancelled' }),
    becomes: 'succeeded',
  }),
  'cancel-404': everyDay({ seen: gets(404), becomes: 'succeeded' }),
  'cancel-500': everyDay({ seen: gets(500), becomes: 'succeeded' }),
  'cancel-hang': everyDay({ seen: late, becomes: 'succeeded' }),
  'cancel-reset': everyDay({ seen: reset, becomes: 'cancelled' }),
  'cancel-without-outcome': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json).toEqual({ request_id: expect.any(String), status: 'cancelled' });
    },
    becomes: 'cancelled',
  }),

  'file-403': everyDay({ seen: gets(403) }),
  'file-404': everyDay({ seen: gets(404) }),
  'file-410': everyDay({ seen: gets(410) }),
  'file-truncated': everyDay({ seen: cut }),
  'file-huge': everyDay({ seen: cut }),
  'file-wrong-type': everyDay({ seen: getsText(200, /<html>/) }),
};

/** A cancel that was carried out ends the job, whatever the caller hears. */
const carriedOutCancels = [
  'not-json',
  'empty-body',
  'empty-array',
  'empty-object',
  'null-body',
  'html-body',
  'delay',
  'cut-body',
  'slow-body',
  'upper-case-status',
  'canceled-spelling',
];

const trials = faultNames.flatMap(({ name, steps }) => steps.map((step) => ({ name, step })));

describe('every fault at every step it applies to', () => {
  it('is described here and nowhere else', () => {
    expect(Object.keys(expectations).sort()).toEqual(faultNames.map(({ name }) => name).sort());
  });

  it.each(trials)('$name at $step spoils the one call it was meant for', async ({ name, step }) => {
    const expectation = expectations[name]?.[step] ?? expectations[name]?.['*'];
    if (expectation === undefined) throw new Error(`Nothing is expected of ${name} at ${step}.`);
    const test = await startTestSimulator();
    const { sim, clock } = test;
    const facts =
      step === 'submit' ? { id: '', outputUrl: '', origin: sim.url } : await prepare(test, step, expectation.stage);

    sim.setFaults([{ fault: name, step, times: 1, ...expectation.rule }]);
    const outcome = await attempt(test, step, facts);
    expectation.seen(outcome, facts);
    expect(sim.faults()).toMatchObject([{ fired: 1 }]);
    expect(sim.events().filter(({ what, fault }) => what === 'request' && fault === name)).toHaveLength(1);

    clock.tick(10_000);
    const job = sim.ledger().jobs[0];
    expect(job?.state ?? refused).toBe(stateAfter(name, step, expectation));
    if (job !== undefined) {
      const priceUsd = name === 'price-changed' ? 2.52 : 1.26;
      expect(job.chargedUsd).toBe(job.state === 'succeeded' ? priceUsd : 0);
    }

    const next = answer(await attempt(test, step, facts));
    expect(next.status).toBeLessThan(300);
    expect(sim.faults()).toMatchObject([{ fired: 1 }]);
  });
});

describe('a fault that lets a cancel pass', () => {
  it('leaves the job as it is where another fault does nothing at all', async () => {
    const test = await startTestSimulator();
    test.sim.setFaults([
      { fault: 'upper-case-status', step: 'cancel', skip: 1 },
      { fault: 'cancel-500', step: 'cancel', times: 1 },
    ]);
    const facts = await prepare(test, 'cancel');
    expect(answer(await attempt(test, 'cancel', facts)).status).toBe(500);
    expect(test.jobOf(facts.id).state).toBe('in_queue');
  });
});

describe.each(['result-failed', 'error-object', 'error-array'])('a job that meets %s', (turning) => {
  it('has failed in the answer and in the ledger where missing-status lets that call pass', async () => {
    const { sim, clock, submit, status, result, jobOf } = await startTestSimulator();
    sim.setFaults([
      { fault: 'missing-status', step: 'result', skip: 1 },
      { fault: turning, step: 'result', times: 1 },
    ]);
    const id = await submit(kling, klingInput);
    clock.tick(2_000);
    for (const statusKeys of [{ status: 'failed' }, {}]) {
      const told = await result(id);
      expect(told).toMatchObject({ ...statusKeys, error: expect.anything() as unknown });
      expect(told).not.toHaveProperty('output');
      expect(jobOf(id)).toMatchObject({ state: 'failed', chargedUsd: 0 });
    }
    expect(await status(id)).toMatchObject({ status: 'completed' });
    expect(sim.faults()).toMatchObject([{ fired: 1 }, { fired: 1 }]);
  });

  it('stays a success once an answer has shown the output', async () => {
    const { sim, clock, submit, result, jobOf } = await startTestSimulator();
    sim.setFaults([
      { fault: 'missing-status', step: 'result', times: 1 },
      { fault: turning, step: 'result' },
    ]);
    const id = await submit(kling, klingInput);
    clock.tick(2_000);
    const { output } = await result(id);
    expect(output).toEqual({ video: expect.any(String) as string });
    expect(await result(id)).toMatchObject({ status: 'succeeded', output });
    expect(jobOf(id)).toMatchObject({ state: 'succeeded', chargedUsd: 1.26 });
    expect(sim.faults()).toMatchObject([{ fired: 1 }, { fired: 0 }]);
  });

  it('keeps the reason for which it has failed before', async () => {
    const { sim, clock, submit, result } = await startTestSimulator();
    sim.setFaults([
      { fault: 'job-fails', step: 'submit', word: 'The first reason.' },
      { fault: turning, step: 'result', word: 'Another reason.', times: 1 },
    ]);
    const id = await submit(kling, klingInput);
    clock.tick(2_000);
    expect(JSON.stringify((await result(id))['error'])).toContain('The first reason.');
    expect(await result(id)).toMatchObject({ status: 'failed', error: 'The first reason.' });
  });

  it('has the end of the ledger in every answer, whatever other fault strikes before or after', async () => {
    const test = await startTestSimulator({
      profiles: { '*': { queueReads: 0, runReads: 1 } },
      switches: { wallet_usd: 10_000 },
    });
    const { sim, submit, jobOf } = test;
    const others = faultNames.filter(({ name, steps }) => steps.includes('result') && name !== 'hang');
    for (const { name } of others) {
      for (const skip of [0, 1, 2]) {
        const other: FaultRule = { fault: name, step: 'result', times: 2, skip, delayMs: 1 };
        for (const rules of [
          [other, { fault: turning, step: 'result' as const, skip: 1, times: 1 }],
          [{ fault: turning, step: 'result' as const, times: 1 }, other],
        ]) {
          sim.setFaults([]);
          const id = await submit(kling, klingInput);
          sim.setFaults(rules);
          const ends: string[] = [];
          for (let read = 0; read < 5; read += 1) {
            const outcome = await attempt(test, 'result', { id, outputUrl: '', origin: sim.url });
            ends.push(...endsIn(outcome));
          }
          const { state } = jobOf(id);
          expect({ rules, ends: [...new Set(ends)] }).toEqual({ rules, ends: [state] });
        }
      }
    }
  });
});

/** Which end an answer tells. */
function endsIn(outcome: Outcome): string[] {
  if ('error' in outcome) return [];
  const { status, output, error } = { ...outcome.json };
  return [
    ...(output !== undefined || /^succeeded$/i.test(String(status)) ? ['succeeded'] : []),
    ...(error !== undefined || /^failed$/i.test(String(status)) ? ['failed'] : []),
  ];
}

/** Where the job stands at last; a fault says nothing about it at steps that cannot change it. */
function stateAfter(name: string, step: Step, { stage, becomes }: Expectation): string {
  if (step === 'catalogue' || step === 'balance') return refused;
  if (step === 'submit') return becomes ?? 'succeeded';
  if (becomes !== undefined && becomes !== refused) return becomes;
  return stage === 'cancelled' || (step === 'cancel' && carriedOutCancels.includes(name)) ? 'cancelled' : 'succeeded';
}

async function prepare(
  { sim, clock, submit, cancel, result }: TestSimulator,
  step: Step,
  stage: Stage = step === 'file' ? 'succeeded' : 'queued',
): Promise<HonestFacts> {
  const facts = { id: '', outputUrl: '', origin: sim.url };
  if (step === 'catalogue' || step === 'balance') return facts;
  facts.id = await submit(kling, klingInput);
  if (stage === 'cancelled') await cancel(facts.id);
  if (stage === 'running') clock.tick(1_000);
  if (stage === 'over') clock.tick(2_000);
  if (stage === 'succeeded') {
    clock.tick(2_000);
    facts.outputUrl = ((await result(facts.id))['output'] as { video: string }).video;
  }
  return facts;
}

async function attempt({ sim, call }: TestSimulator, step: Step, facts: HonestFacts): Promise<Outcome> {
  // A call that hangs is given up as soon as the simulator has decided to let it hang.
  const controller = new AbortController();
  const before = sim.events().at(-1)?.number;
  const watch = setInterval(() => {
    if (sim.events(before).some(({ answer: how }) => how === 'hang')) controller.abort();
  }, 5);
  const { signal } = controller;
  try {
    switch (step) {
      case 'submit':
        return await call('POST', `/v1/models/${kling}`, { body: klingInput, signal });
      case 'status':
        return await call('GET', `/v1/requests/${facts.id}/status`, { signal });
      case 'result':
        return await call('GET', `/v1/requests/${facts.id}/result?include_cost=true`, { signal });
      case 'cancel':
        return await call('POST', `/v1/requests/${facts.id}/cancel`, { signal });
      case 'catalogue':
        return await call('GET', `/v1/models/${kling}`, { signal });
      case 'balance':
        return await call('GET', '/prod/v2/balance', { signal });
      case 'file':
        return await call('GET', new URL(facts.outputUrl).pathname, { token: null, signal });
    }
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
    return { error: [message, cause?.code, cause?.message].filter((part) => part !== undefined).join(', ') };
  } finally {
    clearInterval(watch);
  }
}
