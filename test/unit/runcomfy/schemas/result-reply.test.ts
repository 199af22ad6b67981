import { describe, expect, it } from 'vitest';
import { resultReply } from '../../../../runcomfy/schemas/result-reply.ts';

const cdn = 'https://playgrounds-storage-public.runcomfy.net/u/t/output';
const none = { images: [], videos: [], audios: [] };
const video = { ...none, videos: [`${cdn}/a.mp4`] };
const result = (reply: unknown, kind?: 'image' | 'video' | 'audio', inputUrls?: string[]) =>
  resultReply({ kind, inputUrls }).parse(reply);

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

  it.each([-0.015, '-0.015', 'free', null, {}])('leaves out a cost of %j', (cost) => {
    expect(result({ status: 'succeeded', output: { video: `${cdn}/a.mp4` }, cost })).not.toHaveProperty('costUsd');
  });

  it('leaves out what is too long to be a date', () => {
    const reply = { status: 'succeeded', output: { video: `${cdn}/a.mp4` }, created_at: '2026-'.repeat(100_000) };
    expect(result(reply)).toEqual({ status: 'succeeded', output: video });
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
    'that succeeded with output %j has none, which is for the caller to judge, and keeps what came',
    (output) => {
      const kept =
        output === undefined || output === null || output === '' ? {} : { rawOutput: JSON.stringify(output) };
      expect(result({ status: 'succeeded', output })).toEqual({ status: 'succeeded', output: none, ...kept });
    },
  );

  it('cuts what it keeps of an output that cannot be read', () => {
    const reply = result({ status: 'succeeded', output: { note: '😀'.repeat(5_000) } });
    expect(JSON.stringify(reply).length).toBeLessThan(1_200);
  });

  it.each([
    ['as JSON in a string', { output: JSON.stringify({ video: `${cdn}/a.mp4` }) }],
    ['as a list in a string', { output: JSON.stringify([`${cdn}/a.mp4`]) }],
    ['as a quoted URL in a string', { output: JSON.stringify(`${cdn}/a.mp4`) }],
    ['beside no output', { video: `${cdn}/a.mp4` }],
    ['beside an empty output', { output: null, videos: [`${cdn}/a.mp4`] }],
  ])('finds the output where it stands %s', (_where, fields) => {
    expect(result({ status: 'succeeded', ...fields })).toMatchObject({ output: { videos: [`${cdn}/a.mp4`] } });
  });

  it('takes no field beside an output for another one', () => {
    const reply = result({ status: 'succeeded', output: { images: [] }, video: `${cdn}/a.mp4` });
    expect(reply).toMatchObject({ output: none });
  });

  it('that is completed with an error and no output is a failure', () => {
    expect(result({ status: 'completed', error: 'NSFW' })).toEqual({ status: 'failed', reason: 'NSFW' });
    expect(result({ status: 'completed', error: 'slow', output: { video: `${cdn}/a.mp4` } }).status).toBe('succeeded');
  });

  it('that has only a message, or an empty error, beside an output to come is no failure', () => {
    for (const more of [{ message: 'Finalizing output' }, { error: { message: null, code: 0 } }, { error: false }])
      expect(result({ status: 'completed', output: null, ...more }).status).toBe('succeeded');
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
    [
      'an object of no known shape',
      { error: { type: 'moderation', description: 'no' } },
      '{"type":"moderation","description":"no"}',
    ],
    ['a number', { error: 7 }, '7'],
    ['a detail', { detail: 'NSFW' }, 'NSFW'],
    ['words beside an error of no known shape', { error: { type: 'x' }, message: 'NSFW' }, 'NSFW'],
    ['an error that says nothing', { error: { message: null, code: 0 } }, 'RunComfy gave no reason'],
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
      'a documented field before a URL',
      { url: 'https://c/b', video: 'https://c/a' },
      'video',
      { videos: ['https://c/a'] },
    ],
    [
      'the URL of a file before its thumbnail',
      { video: { image: 'https://c/t', url: 'https://c/a' } },
      'video',
      { videos: ['https://c/a'] },
    ],
    ['one URL of a file', { video: { url: 'https://c/a', uri: 'https://c/b' } }, 'video', { videos: ['https://c/a'] }],
    [
      'a documented field in a list before a URL',
      [{ url: 'https://c/b', video: 'https://c/a' }],
      'video',
      { videos: ['https://c/a'] },
    ],
    [
      'a URL beside fields without one',
      { videos: [], video: '/a.mp4', url: 'https://c/a' },
      'video',
      { videos: ['https://c/a'] },
    ],
    [
      'a field of a file whose URL is none',
      { video: { url: '/a', video: 'https://c/a' } },
      'video',
      { videos: ['https://c/a'] },
    ],
    [
      'what is no web address',
      { images: ['data:image/png;base64,AA', '/a.png', 'ftp://c/a.png', 7, null], video: 'a.mp4' },
      undefined,
      {},
    ],
    ['fields inside a wrapper', { result: { video: 'https://c/a.mp4' } }, undefined, { videos: ['https://c/a.mp4'] }],
    ['an input in the place of a wrapper', { input: { image: 'https://c/in.png' } }, undefined, {}],
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
    const beside = { status: 'succeeded', output: { image: 'https://c/in.png', url: 'https://c/out.png' } };
    expect(result(beside, 'image', ['https://c/in.png'])).toMatchObject({ output: { images: ['https://c/out.png'] } });
  });
});
