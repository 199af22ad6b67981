import { retryAfterValue, unknownModel } from '../api/errors.ts';
import { findEntry } from '../catalogue/catalogue.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import { type Fault, type FaultContext, isTaken, jobOf, late, reply, type WireAnswer, withJson } from './fault.ts';

/** The job exists and will be charged, whatever reply the caller gets. */
function accepted(
  name: string,
  sentence: string,
  answer: (honest: Reply, context: FaultContext) => WireAnswer,
  group = 1,
): Fault {
  return {
    name,
    group,
    steps: ['submit'],
    sentence,
    applies: isTaken,
    act: (context) => answer(context.proceed(), context),
  };
}

function acceptedThenStatus(status: number, words: string): Fault {
  return accepted(
    `accept-then-${String(status)}`,
    `The job is accepted, then the caller gets ${String(status)}.`,
    (_, { rule }) =>
      typeof rule.body === 'string'
        ? reply({ status, raw: rule.body })
        : reply({
            status,
            headers: {
              'content-type': 'text/html',
              ...(rule.retryAfter !== undefined && { 'retry-after': retryAfterValue(rule.retryAfter) }),
            },
            raw: `<html><body><h1>${words}</h1></body></html>`,
          }),
  );
}

function stuck(name: string, stage: 'queue' | 'run', words: string): Fault {
  return {
    name,
    group: 7,
    steps: ['submit'],
    sentence: `The job ${words} until it is released by its id.`,
    applies: isTaken,
    act: ({ proceed }) => reply(proceed({ stuck: stage })),
  };
}

/** Faults of the paid call. */
export const submitFaults: readonly Fault[] = [
  accepted('accept-then-reset', 'The job is accepted, then the connection is reset before any reply.', () => ({
    how: 'reset',
  })),
  accepted(
    'accept-then-reset-after-headers',
    'The job is accepted, then the connection is reset after the headers.',
    (honest) => ({
      how: 'reset',
      afterHeadersOf: honest,
    }),
  ),
  accepted('accept-then-cut-body', 'The job is accepted, then the reply ends in the middle of its body.', (honest) => ({
    how: 'cut',
    reply: honest,
  })),
  accepted(
    'accept-then-delay',
    'The job is accepted, the reply comes after `delayMs` (30 s unless given).',
    (_, context) => late(context),
  ),
  accepted('accept-then-hang', 'The job is accepted, the reply never comes.', () => ({ how: 'hang' })),
  acceptedThenStatus(408, 'Request Timeout'),
  acceptedThenStatus(500, 'Internal Server Error'),
  acceptedThenStatus(502, 'Bad Gateway'),
  acceptedThenStatus(503, 'Service Unavailable'),
  acceptedThenStatus(504, 'Gateway Time-out'),
  {
    name: 'reset-before-accept',
    group: 2,
    steps: ['submit'],
    sentence: 'The connection is reset and there is no job.',
    act: () => ({ how: 'reset' }),
  },
  accepted(
    'no-request-id',
    'The job is accepted, but the reply has no `request_id`, nor URLs that hold it.',
    (honest) => reply(jsonReply(honest.status, { status: 'queued' })),
    3,
  ),
  accepted(
    'blank-request-id',
    'The job is accepted, but `request_id` is blank.',
    (honest) => reply(jsonReply(honest.status, { request_id: '  ' })),
    3,
  ),
  accepted(
    'non-string-request-id',
    'The job is accepted, but `request_id` is a number.',
    (honest) => reply(jsonReply(honest.status, { request_id: 4711 })),
    3,
  ),
  accepted(
    'code-beside-request-id',
    'The job is accepted, but the reply has an `error_code` (200) beside its `request_id`.',
    (honest) => reply(withJson(honest, (json) => ({ error_code: 200, ...json }))),
    3,
  ),
  {
    name: 'job-fails',
    group: 6,
    steps: ['submit'],
    sentence: 'The job is accepted and will fail at its end; `word` is the reason.',
    applies: isTaken,
    act: ({ rule, proceed }) => reply(proceed({ failure: rule.word ?? 'The generation failed.' })),
  },
  stuck('stuck-in-queue', 'queue', 'stays in the queue'),
  stuck('stuck-running', 'run', 'starts and runs on'),
  {
    name: 'foreign-urls',
    group: 10,
    steps: ['submit', 'status'],
    sentence: 'The URLs in the reply name another host (`location`; else http://foreign.invalid).',
    applies: (context) => (context.call.step === 'submit' ? isTaken(context) : jobOf(context) !== undefined),
    isInReplyAlone: true,
    act: ({ rule, call, world, proceed }) =>
      reply(
        withJson(proceed(), (json) => {
          const move = (value: unknown) =>
            typeof value === 'string'
              ? value.replace(
                  world.settings.switches.public_base ?? call.origin,
                  rule.location ?? 'http://foreign.invalid',
                )
              : value;
          return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, move(value)]));
        }),
      ),
  },
  {
    name: 'price-changed',
    group: 12,
    steps: ['submit'],
    sentence: 'The job costs `factor` times (2 unless given) what the catalogue says.',
    applies: (context) => {
      const plan = context.plan();
      return plan.accepted && plan.draft.priceMicro > 0 && context.rule.factor !== 1;
    },
    act: (context) => {
      const plan = context.plan();
      const priceMicro = plan.accepted ? Math.round(plan.draft.priceMicro * (context.rule.factor ?? 2)) : 0;
      return reply(context.proceed({ priceMicro }));
    },
  },
  {
    name: 'model-removed',
    group: 12,
    steps: ['submit', 'catalogue'],
    sentence: 'The model is no longer known.',
    applies: ({ call }) => call.model !== undefined && findEntry(call.model) !== undefined,
    act: ({ call, world }) => reply(unknownModel(world.settings.switches, call.model ?? '')),
  },
  {
    name: 'schema-unusable',
    group: 12,
    steps: ['catalogue'],
    sentence: 'The catalogue gives a model without a usable `input_schema`.',
    applies: ({ call }) => call.model !== undefined && findEntry(call.model) !== undefined,
    act: ({ proceed }) =>
      reply(withJson(proceed(), (json) => ({ ...json, input_schema: { type: 'array', items: 7 } }))),
  },
];
