import { describe, expect, it } from 'vitest';
import { activitiesAt } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { kling } from '../support/simulator-client.ts';

const own = (more: object) => ({ request_id: 'a1b2', ...more });
const another = (more: object) => ({ request_id: 'b2c3', ...more });

/** One attempt to cancel, at a RunComfy that answers so; of the statuses the last one stays. */
async function cancelled(cancel: object, ...statuses: object[]) {
  const { port } = await serve((response, { path }) => {
    if (path.endsWith('/cancel')) reply(response, 202, cancel);
    else if (path.includes('/result')) reply(response, 200, own({ status: 'cancelled', cost: 0 }));
    else reply(response, 200, statuses.length > 1 ? statuses.shift() : statuses[0]);
  });
  const { attempt, activities } = activitiesAt(`http://127.0.0.1:${String(port)}`);
  return await attempt(activities.cancelRequest, { model: kling, requestId: 'a1b2' });
}

describe('a cancel', () => {
  it('was not answered by a reply that names another request', async () => {
    for (const said of [{ outcome: 'cancelled' }, { outcome: 'not_cancellable' }, { status: 'cancelled' }]) {
      const { failure } = await cancelled(another(said), own({ status: 'in_queue' }));
      expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false, details: [{ reads: 1 }] });
    }
    const { value } = await cancelled(another({ outcome: 'not_cancellable' }), own({ status: 'cancelled' }));
    expect(value).toMatchObject({ outcome: 'cancelled', status: 'cancelled' });
  });

  it('looks again where a status names another request', async () => {
    for (const status of ['in_progress', 'completed']) {
      const { value } = await cancelled(
        own({ outcome: 'cancelled' }),
        another({ status }),
        own({ status: 'cancelled' }),
      );
      expect(value).toMatchObject({ outcome: 'cancelled', status: 'cancelled' });
    }
  });

  it('is asked for once more where no status is that of its request', async () => {
    for (const status of ['in_progress', 'completed', 'cancelled', 'in_queue']) {
      const { failure } = await cancelled({}, another({ status }));
      expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    }
  });
});
