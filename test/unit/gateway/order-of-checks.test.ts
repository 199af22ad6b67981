import { expect, it } from 'vitest';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux, kling } from '../../support/simulator-client.ts';

const malformed = {
  'cancel-after': 'soon',
  'idempotency-key': '"unbalanced',
  'runcomfy-temporal-on-unknown': 'maybe',
  'runcomfy-temporal-retry': 'always',
};

it.each(Object.entries(malformed))(
  'a model that an API key may not order is refused before a malformed %s',
  async (...header) => {
    const { access, headers } = withKey({ models: ['kling/**'] });
    const url = await serve(access);
    const submit = (model: string) =>
      call(url, `/v1/models/${model}`, {
        method: 'POST',
        headers: { ...headers, ...Object.fromEntries([header]) },
        body: { prompt: 'x' },
      });
    expect(await submit(flux)).toMatchObject({ status: 403, json: { error_code: 403003 } });
    expect(await submit(kling)).toMatchObject({ status: 400, json: { error_code: 400006 } });
  },
);
