import { expect, it } from 'vitest';
import { toPipelineRequest } from '../../../gateway/api/pipelines/start.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const settings = { host: '127.0.0.1', onUnknownSubmission: 'fail', submitGraceMs: 0 };
const says = { 'runcomfy-temporal-on-unknown': 'resubmit' };

type Row = [
  what: string,
  ofKey: object,
  header: object,
  inBody: object,
  ofRunComfys: string,
  ofOurs: string | undefined,
];

it.each<Row>([
  ['nothing is said', {}, {}, {}, 'fail', undefined],
  ['the API key says it', { onUnknownSubmission: 'hold' }, {}, {}, 'hold', 'hold'],
  [
    'the order says it',
    { onUnknownSubmission: 'hold' },
    says,
    { onUnknownSubmission: 'resubmit' },
    'resubmit',
    'resubmit',
  ],
])(
  "the gateway's own policy is for orders of RunComfy's API alone: %s",
  async (_what, ofKey, header, inBody, ...told) => {
    const { access, headers } = withKey(ofKey);
    const started: (string | undefined)[] = [];
    const start = ({ onUnknownSubmission }: { onUnknownSubmission?: string }, { key }: { key: string }) => {
      started.push(onUnknownSubmission);
      return Promise.resolve({ key, runId: 'r', attached: false, notices: [] });
    };
    const url = await serve(access, { settings, generations: { start } });
    const body = { prompt: 'x' };
    await call(url, `/v1/models/${flux}`, { method: 'POST', headers: { ...headers, ...header }, body });
    await call(url, '/api/v1/generations', { method: 'POST', headers, body: { model: flux, input: body, ...inBody } });
    expect(started).toEqual(told);
  },
);

it.each([
  [{}, undefined],
  [{ onUnknownSubmission: 'hold' }, 'hold'],
] as const)('nor is it for pipelines: an API key with %j', (ofKey, told) => {
  const principal = { tenant: 'acme', scope: 'generate', ...ofKey } as const;
  const request = toPipelineRequest(principal, { plan: {} });
  expect(request.onUnknownSubmission).toBe(told);
});
