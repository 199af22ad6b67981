import { describe, expect, it } from 'vitest';
import type { RequestStatus } from '../../../../domain/activities.ts';
import { cancelReply } from '../../../../runcomfy/schemas/cancel-reply.ts';
import { catalogueModel } from '../../../../runcomfy/schemas/catalogue.ts';
import { resultReply } from '../../../../runcomfy/schemas/result-reply.ts';
import { statusReply } from '../../../../runcomfy/schemas/status-reply.ts';

const cdn = 'https://playgrounds-storage-public.runcomfy.net/u/t/output';
const none = { images: [], videos: [], audios: [] };
const video = { ...none, videos: [`${cdn}/a.mp4`] };
const result = (reply: unknown, kind?: 'image' | 'video' | 'audio', inputUrls?: string[]) =>
  resultReply({ kind, inputUrls }).parse(reply);

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
      expect(statusReply.parse({ request_id: 'a', status: word }).status).toBe(status);
    });
  }

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
    expect(statusReply.parse(reply)).toEqual({ status: 'unrecognized', statusWord });
  });

  it.each([
    [0, 0],
    [17, 17],
    [-1, undefined],
    [1.5, undefined],
    ['3', undefined],
    [null, undefined],
  ])('takes the queue position %j as %j', (queue_position, queuePosition) => {
    expect(statusReply.parse({ status: 'in_queue', queue_position }).queuePosition).toBe(queuePosition);
  });

  it.each([null, [], 'in_queue', 7])('is no %j', (reply) => {
    expect(statusReply.safeParse(reply).success).toBe(false);
  });
});

describe('a result reply', () => {
  it.each(['succeeded', 'completed', 'success', 'SUCCEEDED'])('that says %j with an output is a success', (status) => {
    expect(result({ status, output: { video: `${cdn}/a.mp4` } })).toEqual({ status: 'succeeded', output: video });
  });

  it('gives the times as RunComfy writes them, the cost, the model and the echoed input', () => {
    const reply = {
      request_id: 'a',
      status: 'succeeded',
      output: { video: `${cdn}/a.mp4` },
      created_at: '2026-10-01T00:21:22.331289+00:00',
      finished_at: '2026-10-01T00:23:22.331289+00:00',
      cost: 1.26,
      model_id: 'kling/kling-3.0/standard/image-to-video',
      input: { prompt: 'x' },
    };
    expect(result(reply)).toEqual({
      status: 'succeeded',
      output: video,
      createdAt: reply.created_at,
      finishedAt: reply.finished_at,
      costUsd: 1.26,
      modelId: reply.model_id,
      input: { prompt: 'x' },
    });
  });

  it.each([
    [0, 0],
    ['1.26', 1.26],
    [null, undefined],
    ['', undefined],
    ['much', undefined],
    [undefined, undefined],
  ])('takes the cost %j as %j', (cost, costUsd) => {
    expect(result({ status: 'succeeded', cost }).costUsd).toBe(costUsd);
  });

  it.each([undefined, null, {}, { images: [] }, { video: null }, { video: '' }, { note: `${cdn}/a.mp4` }, '', []])(
    'that succeeded with output %j has none, which is for the caller to judge',
    (output) => {
      expect(result({ status: 'succeeded', output })).toEqual({ status: 'succeeded', output: none });
    },
  );

  it('that is completed with an error and no output is a failure', () => {
    expect(result({ status: 'completed', error: 'NSFW' })).toEqual({ status: 'failed', reason: 'NSFW' });
    expect(result({ status: 'completed', error: 'slow', output: { video: `${cdn}/a.mp4` } }).status).toBe('succeeded');
  });

  it.each(['in_queue', 'in_progress', 'pending', 'waiting', 'starting', 'processing'])(
    'that says %j is not ready',
    (status) => {
      expect(result({ status })).toEqual({ status: 'not_ready' });
    },
  );

  it.each(['cancelled', 'canceled', 'CANCELED'])('that says %j is cancelled', (status) => {
    expect(result({ status }).status).toBe('cancelled');
  });

  it('that says something unknown keeps the word and what came with it', () => {
    expect(result({ status: 'archived', output: { video: `${cdn}/a.mp4` } })).toEqual({
      status: 'unrecognized',
      statusWord: 'archived',
      output: video,
    });
    expect(result({})).toMatchObject({ status: 'unrecognized', statusWord: '' });
  });

  const failures: [name: string, reply: object, reason: string, vendorCode?: number | string][] = [
    ['a string', { error: 'NSFW content' }, 'NSFW content'],
    ['an object', { error: { message: 'NSFW', code: 'E1' } }, 'NSFW', 'E1'],
    ['an object with RunComfy’s own keys', { error: { error_message: 'NSFW', error_code: 400123 } }, 'NSFW', 400123],
    ['a list', { error: [{ error: 'OOM', errorCode: 'E42', debugInfo: 'stack' }] }, 'OOM', 'E42'],
    [
      'a list with details',
      { error: [{ error: 'OOM', errorCode: 7, details: 'node 3' }, { error: 'late' }] },
      'OOM (node 3); late',
      7,
    ],
    ['a list of one debug text', { error: [{ debugInfo: 'stack' }] }, 'stack'],
    ['a nested error', { error: { error: { message: 'deep', code: 9 } } }, 'deep', 9],
    ['another key', { failure_reason: 'took too long' }, 'took too long'],
    ['the keys of an error reply', { error_code: 500001, error_message: 'internal' }, 'internal', 500001],
    ['nothing', {}, 'RunComfy gave no reason'],
    ['null', { error: null }, 'RunComfy gave no reason'],
  ];
  it.each(failures)('that failed gives its reason from %s', (_name, reply, reason, vendorCode) => {
    const expected = { status: 'failed', reason, ...(vendorCode !== undefined && { vendorCode }) };
    expect(result({ status: 'failed', ...reply })).toEqual(expected);
  });

  it('bounds a reason that has no end', () => {
    const failed = result({ status: 'failed', error: 'x'.repeat(100_000) });
    expect(failed.status === 'failed' && failed.reason.length).toBe(2_001);
  });
});

describe('the output of a result', () => {
  const outputs: [name: string, output: unknown, kind: 'image' | 'video' | 'audio' | undefined, expected: object][] = [
    ['a single key', { image: 'https://c/a.png' }, undefined, { images: ['https://c/a.png'] }],
    [
      'a plural key',
      { images: ['https://c/a.png', 'https://c/b.png'] },
      undefined,
      { images: ['https://c/a.png', 'https://c/b.png'] },
    ],
    [
      'a single and a plural key for one file',
      { image: 'https://c/a.png', images: ['https://c/a.png'] },
      undefined,
      { images: ['https://c/a.png'] },
    ],
    ['repeats', { audios: ['https://c/a.mp3', 'https://c/a.mp3'] }, undefined, { audios: ['https://c/a.mp3'] }],
    [
      'all kinds at once',
      { video: 'https://c/a.mp4', images: ['https://c/t.png'], audio: 'https://c/a.wav' },
      'video',
      { videos: ['https://c/a.mp4'], images: ['https://c/t.png'], audios: ['https://c/a.wav'] },
    ],
    [
      'objects with a URL',
      { images: [{ url: 'https://c/a.png', width: 3 }, { image: 'https://c/b.png' }, { uri: 'https://c/c.png' }] },
      undefined,
      { images: ['https://c/a.png', 'https://c/b.png', 'https://c/c.png'] },
    ],
    ['a string in a plural key', { videos: 'https://c/a.mp4' }, undefined, { videos: ['https://c/a.mp4'] }],
    ['a bare string, by the model', 'https://c/a', 'video', { videos: ['https://c/a'] }],
    ['a bare string, by its extension', 'https://c/a.MP3?x=1', undefined, { audios: ['https://c/a.MP3?x=1'] }],
    ['a bare list, by the model', ['https://c/b', 'https://c/a'], 'image', { images: ['https://c/b', 'https://c/a'] }],
    [
      'a bare list, by the extensions',
      ['https://c/a.mp4', 'https://c/a.webp'],
      undefined,
      { videos: ['https://c/a.mp4'], images: ['https://c/a.webp'] },
    ],
    [
      'a bare list of objects',
      [{ url: 'https://c/a' }, { video: 'https://c/b' }],
      'image',
      { images: ['https://c/a'], videos: ['https://c/b'] },
    ],
    ['a bare object with a URL', { url: 'https://c/a' }, 'audio', { audios: ['https://c/a'] }],
    [
      'what is no web address',
      { images: ['data:image/png;base64,AA', '/a.png', 'ftp://c/a.png', 7, null], video: 'a.mp4' },
      undefined,
      {},
    ],
    ['URLs elsewhere', { thumbnail: 'https://c/t.png', meta: { image: 'https://c/m.png' } }, undefined, {}],
  ];
  it.each(outputs)('is read from %s', (_name, output, kind, expected) => {
    expect(result({ status: 'succeeded', output }, kind)).toMatchObject({ output: { ...none, ...expected } });
  });

  it('never holds a URL of the input, as given or as echoed, however it is spelled', () => {
    const output = { images: ['https://c/in.png', 'https://C/echo.png', 'https://c/out.png'] };
    const reply = { status: 'succeeded', output, input: { deep: [{ url: 'https://c/echo.png' }] } };
    expect(result(reply, 'image', ['https://c/in.png'])).toMatchObject({
      output: { ...none, images: ['https://c/out.png'] },
    });
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
    expect(cancelReply.parse({ request_id: 'a', ...reply })).toEqual(read);
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
