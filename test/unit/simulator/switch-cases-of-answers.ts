import { expect } from 'vitest';
import { flux } from '../../support/simulator-client.ts';
import {
  badToken,
  body,
  failedResult,
  finishedResult,
  noBalance,
  submitAnswers,
  type SwitchCases,
} from './switch-case.ts';

/** How RunComfy answers: its words, shapes and refusals. */
export const answerCases = {
  submit_http: [
    {
      value: 200,
      shows: submitAnswers(({ status }) => {
        expect(status).toBe(200);
      }),
    },
    {
      value: 202,
      shows: submitAnswers(({ status }) => {
        expect(status).toBe(202);
      }),
    },
  ],
  submit_includes_status: [
    {
      value: false,
      shows: submitAnswers(({ json }) => {
        expect(json).not.toHaveProperty('status');
      }),
    },
    {
      value: true,
      shows: submitAnswers(({ json }) => {
        expect(json['status']).toBe('in_queue');
      }),
    },
  ],
  id_format: [
    {
      value: 'uuid4',
      shows: submitAnswers(({ json }) => {
        expect(json['request_id']).toHaveLength(36);
      }),
    },
    {
      value: 'opaque',
      shows: submitAnswers(({ json }) => {
        expect(json['request_id']).toMatch(/^[A-Za-z0-9_-]{24}$/);
      }),
    },
  ],
  failed_in_status: [false, true].map((value) => ({
    value,
    shows: async ({ sim, clock, submit, status, result }) => {
      sim.setFaults([{ fault: 'job-fails', step: 'submit' }]);
      const id = await submit();
      clock.tick(2_000);
      expect((await status(id))['status']).toBe(value ? 'failed' : 'completed');
      expect((await result(id))['status']).toBe('failed');
    },
  })),
  not_ready: [
    {
      value: 'state200',
      shows: async ({ submit, result }) => {
        expect(await result(await submit())).toMatchObject({ status: 'in_queue' });
      },
    },
    {
      value: 'err400005',
      shows: async ({ submit, call }) => {
        const answer = await call('GET', `/v1/requests/${await submit()}/result`);
        expect([answer.status, answer.json['error_code']]).toEqual([400, 400005]);
      },
    },
  ],
  success_word: [
    { value: 'succeeded', shows: finishedResult({ status: 'succeeded' }) },
    { value: 'completed', shows: finishedResult({ status: 'completed', output: expect.any(Object) as object }) },
  ],
  cancelled_spelling: (['cancelled', 'canceled'] as const).map((value) => ({
    value,
    shows: async ({ submit, cancel, status, result }) => {
      const id = await submit();
      expect(await cancel(id)).toMatchObject({ status: value, outcome: 'cancelled' });
      expect((await status(id))['status']).toBe(value);
      expect((await result(id))['status']).toBe(value);
    },
  })),
  error_shape: [
    { value: 'string', shows: failedResult('No luck.') },
    { value: 'object', shows: failedResult({ message: 'No luck.' }) },
    { value: 'array', shows: failedResult([{ error: 'No luck.' }]) },
  ],
  output_keys: [
    { value: 'auto', shows: finishedResult({ output: { image: expect.any(String) as string } }) },
    { value: 'singular', shows: finishedResult({ output: { image: expect.any(String) as string } }) },
    { value: 'plural', shows: finishedResult({ output: { images: [expect.any(String)] } }) },
    {
      value: 'both',
      shows: finishedResult({ output: { image: expect.any(String) as string, images: [expect.any(String)] } }),
    },
  ],
  errors_in_200: [
    { value: false, shows: badToken(401, 401001) },
    { value: true, shows: badToken(200, 401001) },
  ],
  echo_input: [
    { value: true, shows: finishedResult({ input: body }) },
    { value: false, shows: finishedResult({}, ['input']) },
  ],
  include_model_id: [
    { value: true, shows: finishedResult({ model_id: flux }) },
    { value: false, shows: finishedResult({}, ['model_id']) },
  ],
  cancel_status_field: (['current', 'completed'] as const).map((value) => ({
    value,
    shows: async ({ submit, cancel }) => {
      expect(await cancel(await submit())).toMatchObject({ status: value === 'current' ? 'cancelled' : value });
    },
  })),
  catalog_auth: (['required', 'none'] as const).map((value) => ({
    value,
    shows: async ({ call }) => {
      expect((await call('GET', '/v1/models', { token: null })).status).toBe(value === 'none' ? 200 : 401);
    },
  })),
  auth_style: [
    { value: '401+401001', shows: badToken(401, 401001) },
    { value: '400+400004', shows: badToken(400, 400004) },
    { value: '403', shows: badToken(403, 403003) },
  ],
  balance_style: [
    { value: '402', shows: noBalance(402, 400002) },
    { value: '400+400002', shows: noBalance(400, 400002) },
    { value: '400+10001', shows: noBalance(400, 10001) },
  ],
  unknown_model: [
    {
      value: '400+400001',
      shows: submitAnswers(
        ({ status, json }) => {
          expect([status, json['error_code']]).toEqual([400, 400001]);
        },
        body,
        'a/b',
      ),
    },
    {
      value: '404',
      shows: submitAnswers(
        ({ status }) => {
          expect(status).toBe(404);
        },
        body,
        'a/b',
      ),
    },
  ],
} satisfies SwitchCases;
