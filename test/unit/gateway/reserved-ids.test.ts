import { expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const items = [{ id: 'intro/late', model: flux, input: { prompt: 'a cat' } }];

/** Starts a batch over a Temporal that has it already, or not; also which starts were asked for. */
async function startBatch(isTaken: boolean) {
  const asked: unknown[] = [];
  const start = (_: object, { key, attachOnly }: { key: string; attachOnly?: true }) => {
    asked.push({ attachOnly });
    if (!isTaken) return Promise.reject(new GenerationError({ type: 'KeyNotFound', message: 'none', key }));
    const state = () => Promise.resolve({ phase: 'running', runId: 'r' });
    return Promise.resolve({ key, runId: 'r', attached: true, notices: [], state });
  };
  const { access, headers } = withKey({});
  const url = await serve(access, { generations: { batches: { start } } });
  return {
    asked,
    answer: await call(url, '/api/v1/batches', { method: 'POST', headers, body: { key: 'clips', items } }),
  };
}

it('a new batch has no item whose key would be that of a late result', async () => {
  const { asked, answer } = await startBatch(false);
  const issues = [{ path: 'body.items.0.id', message: 'expected an id that does not end in /late' }];
  expect(answer, answer.text).toMatchObject({ status: 422, json: { name: 'InvalidInput', issues } });
  expect(asked).toEqual([{ attachOnly: true }]);
});

it('a batch that was taken with such an item is answered as before', async () => {
  const { asked, answer } = await startBatch(true);
  expect(answer, answer.text).toMatchObject({ status: 200, json: { key: 'clips' } });
  expect(asked).toEqual([{ attachOnly: true }]);
});
