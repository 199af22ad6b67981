import { describe, expect, it } from 'vitest';
import { resultReply } from '../../../../runcomfy/schemas/result-reply.ts';

const [a, b] = ['https://files.example.com/a.mp4', 'https://files.example.com/b.mp4'];
const input = 'https://files.example.com/in.png';
const dataUri = `data:${'A'.repeat(995)}…`;
const many = Array.from({ length: 2_000 }, (_, index) => `/${String(index)}.png`);
const seed = { other: { seed: 7 } };

function replyOf(output: unknown) {
  const reply = resultReply({ inputUrls: [input] }).parse({ status: 'succeeded', output });
  if (reply.status !== 'succeeded') throw new Error(reply.status);
  return reply;
}

function detailsOf(output: unknown): object {
  const { outputKeys, other } = replyOf(output);
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
    ['keeps a URL beside its files', { video: a, url: b, uri: a }, { other: { url: b } }],
    ['keeps no echoed input in the place of such a URL', { video: a, url: input }, {}],
    ['keeps nothing beyond 16 KiB', { video: a, text: 'x'.repeat(17_000) }, {}],
    [
      'in an object of its own is the same',
      { result: { videos: [a], seed: 7 } },
      { outputKeys: ['videos'], other: { seed: 7 } },
    ],
    ['that is a bare list has no names', [a], {}],
    ['keeps what is no web address', { video: a, images: ['/b.png', ' '] }, { other: { images: ['/b.png'] } }],
    [
      'keeps the rest of a list as well, wherever its texts stand',
      { videos: [a, { url: '/b.mp4' }, { video: 'ftp://files.example.com/c.mp4', size: '3' }, 7], seed: 7 },
      { outputKeys: ['videos'], other: { videos: ['/b.mp4', 'ftp://files.example.com/c.mp4'], seed: 7 } },
    ],
    ['keeps one text as it came', { video: a, image: '/b.png' }, { other: { image: '/b.png' } }],
    ['keeps the beginning of a file', { video: a, image: `data:${'A'.repeat(9e5)}` }, { other: { image: dataUri } }],
    ['keeps what else it says where too much is no web address', { video: a, images: many, seed: 7 }, seed],
    ['that is a bare list keeps the rest of it', [a, '/b.mp4'], { other: { output: ['/b.mp4'] } }],
    ['keeps no echo of the input', { video: a, images: [input, ` ${input}`] }, {}],
  ])('%s', (_what, output, details) => {
    expect(detailsOf(output)).toEqual(details);
  });

  it('names the fields that hold what is no web address, also where that is too much', () => {
    expect(replyOf({ video: a, image: '/b.png', images: many }).unreadKeys).toEqual(['image', 'images']);
    expect(replyOf({ videos: [a, b], images: [input, '', null], seed: 7 })).not.toHaveProperty('unreadKeys');
  });
});
