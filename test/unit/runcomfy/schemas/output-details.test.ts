import { describe, expect, it } from 'vitest';
import { resultReply } from '../../../../runcomfy/schemas/result-reply.ts';

const [a, b] = ['https://files.example.com/a.mp4', 'https://files.example.com/b.mp4'];

function detailsOf(output: unknown): object {
  const reply = resultReply({}).parse({ status: 'succeeded', output });
  if (reply.status !== 'succeeded') throw new Error(reply.status);
  const { outputKeys, other } = reply;
  return { ...(outputKeys && { outputKeys }), ...(other && { other }) };
}

describe('beside its URLs, an output', () => {
  it.each<[what: string, output: unknown, details: object]>([
    ['of usual names has nothing to tell', { video: a }, {}],
    ['of several files under the plural has nothing to tell', { videos: [a, b] }, {}],
    ['of one file under the plural has that name', { videos: [a] }, { outputKeys: ['videos'] }],
    ['of both names has both', { video: a, videos: [a] }, { outputKeys: ['video', 'videos'] }],
    ['of several files under the singular has that name', { video: [a, b] }, { outputKeys: ['video'] }],
    ['keeps what else it says', { video: a, seed: 7, text: 'x' }, { other: { seed: 7, text: 'x' } }],
    ['keeps no echoed input, and no URL twice', { video: a, url: a, input: { prompt: 'x' } }, {}],
    ['keeps nothing beyond 16 KiB', { video: a, text: 'x'.repeat(17_000) }, {}],
    [
      'in an object of its own is the same',
      { result: { videos: [a], seed: 7 } },
      { outputKeys: ['videos'], other: { seed: 7 } },
    ],
    ['that is a bare list has no names', [a], {}],
  ])('%s', (_what, output, details) => {
    expect(detailsOf(output)).toEqual(details);
  });
});
