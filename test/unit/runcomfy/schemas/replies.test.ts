import { describe, expect, it } from 'vitest';
import type { RequestStatus } from '../../../../domain/activities.ts';
import { cancelReply } from '../../../../runcomfy/schemas/cancel-reply.ts';
import { catalogueModel } from '../../../../runcomfy/schemas/catalogue.ts';
import { statusReply } from '../../../../runcomfy/schemas/status-reply.ts';

describe('a status reply', () => {
  const words: Record<Exclude<RequestStatus, 'unrecognized'>, string[]> = {
    in_queue: ['in_queue', 'pending', 'waiting', 'queued', 'IN_QUEUE', ' in_queue\n'],
    in_progress: ['in_progress', 'starting', 'processing', 'In_Progress'],
    finished: ['completed', 'succeeded', 'success', 'DONE', 'COMPLETED'],
    failed: ['failed', 'error', 'TIMEOUT'],
    cancelled: ['cancelled', 'canceled', 'CANCELED'],
  };
  for (const [status, spellings] of Object.entries(words)) {
    it.each(spellings)(`reads %j as ${status}`, (word) => {
      expect(statusReply('a').parse({ request_id: 'a', status: word }).status).toBe(status);
    });
  }

  it('believes a word for a failure that is not documented where it names the request, or has a code', () => {
    const rows: [reply: object, status: RequestStatus][] = [
      [{ request_id: 'a', status: 'error', message: 'OOM' }, 'failed'],
      [{ status: 'error', error_code: 422001 }, 'failed'],
      [{ status: 'Failed', message: 'OOM' }, 'failed'],
      [{ status: 'error', message: 'upstream' }, 'unrecognized'],
      [{ request_id: 'b', status: 'timeout' }, 'unrecognized'],
      [{ request_id: 'b', status: 'failed' }, 'unrecognized'],
      [{ request_id: '', status: 'failed' }, 'failed'],
      [{ request_id: 'A', status: 'timeout' }, 'failed'],
      [{ request_id: 'b', status: 'canceled' }, 'unrecognized'],
      [{ status: 'error', error_code: 500001 }, 'unrecognized'],
      [{ status: 'error', code: 422001 }, 'unrecognized'],
    ];
    for (const [reply, status] of rows)
      expect(statusReply('a').parse(reply).status, JSON.stringify(reply)).toBe(status);
  });

  it.each([
    [{}, ''],
    [{ status: '' }, ''],
    [{ status: null }, 'null'],
    [{ status: 7 }, '7'],
    [{ status: { word: 'x' } }, '{"word":"x"}'],
    [{ status: 'hibernating' }, 'hibernating'],
    [{ status: 'constructor' }, 'constructor'],
    [{ status: 'x'.repeat(500) }, 'x'.repeat(100)],
  ])('keeps the word of %j, which it does not know', (reply, statusWord) => {
    expect(statusReply('a').parse(reply)).toEqual({ status: 'unrecognized', statusWord });
  });

  it.each([
    [0, 0],
    [17, 17],
    [-1, undefined],
    [1.5, undefined],
    ['3', 3],
    ['', undefined],
    ['1.5', undefined],
    [null, undefined],
    [100_000, 100_000],
    [100_001, undefined],
    [2_147_483_647, undefined],
  ])('takes the queue position %j as %j', (queue_position, queuePosition) => {
    expect(statusReply('a').parse({ status: 'in_queue', queue_position }).queuePosition).toBe(queuePosition);
  });

  it('keeps the reason of a failure, and takes nothing else for one', () => {
    expect(statusReply('a').parse({ status: 'failed', error: { message: 'NSFW' } }).reason).toBe('NSFW');
    expect(statusReply('a').parse({ status: 'failed', message: 'OOM' }).reason).toBe('OOM');
    expect(statusReply('a').parse({ status: 'completed', message: 'done' })).not.toHaveProperty('reason');
  });

  it.each([null, [], 'in_queue', 7])('is no %j', (reply) => {
    expect(statusReply('a').safeParse(reply).success).toBe(false);
  });
});

describe('a cancel reply', () => {
  const rows: [reply: object, read: object][] = [
    [
      { outcome: 'cancelled', status: 'cancelled' },
      { outcome: 'cancelled', status: 'cancelled' },
    ],
    [{ outcome: 'canceled' }, { outcome: 'cancelled' }],
    [{ outcome: ' CANCELLED ' }, { outcome: 'cancelled' }],
    [
      { outcome: 'cancelled', status: 'completed' },
      { outcome: 'cancelled', status: 'finished' },
    ],
    [{ status: 'canceled' }, { outcome: 'cancelled', status: 'cancelled' }],
    [
      { outcome: 'not_cancellable', status: 'in_progress' },
      { outcome: 'not_cancellable', status: 'in_progress' },
    ],
    [
      { outcome: 'not_cancellable', status: 'cancelled' },
      { outcome: 'cancelled', status: 'cancelled' },
    ],
    [{ status: 'not_cancellable' }, { outcome: 'not_cancellable' }],
    [{ status: 'in_progress' }, { status: 'in_progress' }],
    [{ outcome: 'maybe', status: 'later' }, {}],
    [{ outcome: null, status: 3 }, {}],
    [{}, {}],
  ];
  it.each(rows)('%j is read as %j', (reply, read) => {
    expect(cancelReply('a').parse({ request_id: 'a', ...reply })).toEqual(read);
  });
});

describe('a catalogue entry', () => {
  it('may have nothing but an id, and nonsense everywhere else', () => {
    const entry = {
      model_id: 'a/b',
      display_name: 3,
      categories: 'x',
      base_price_usd: 'free',
      input_schema: [],
      required_inputs: [1, 'prompt'],
    };
    expect(catalogueModel.parse(entry)).toEqual({ modelId: 'a/b', categories: [], requiredInputs: ['prompt'] });
  });

  it.each([{}, { model_id: '../x' }, null])('is no %j', (entry) => {
    expect(catalogueModel.safeParse(entry).success).toBe(false);
  });
});
