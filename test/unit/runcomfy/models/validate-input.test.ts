import { describe, expect, it } from 'vitest';
import { validateInput } from '../../../../runcomfy/models/index.ts';
import { klingImageToVideo } from '../../../../runcomfy/models/kling-3.0-standard-image-to-video/index.ts';

const good = { prompt: 'A cat on a cliff', start_image_url: 'https://cdn.example.com/cat.png' };
const check = (input: unknown) => validateInput(klingImageToVideo.modelId, input);
const withInput = (fields: Record<string, unknown>) => check({ ...good, ...fields });
const segments = (...durations: number[]) => durations.map((duration) => ({ prompt: 'a scene', duration }));

describe('validating input of Kling 3.0 image-to-video', () => {
  it('accepts the published example as it is', () => {
    expect(check(klingImageToVideo.example)).toEqual({ issues: [], warnings: [] });
  });

  it('accepts an input that uses every field', () => {
    const full = {
      ...good,
      duration: 8,
      multi_prompt: segments(3, 5),
      generate_audio: false,
      elements: [
        {
          frontal_image_url: 'https://cdn.example.com/face.webp',
          reference_image_urls: ['https://cdn.example.com/a.jpg', 'https://cdn.example.com/b'],
          video_url: 'https://cdn.example.com/move.mp4',
        },
      ],
      shot_type: 'customize',
      negative_prompt: 'rain',
      cfg_scale: 0.25,
    };
    expect(check(full)).toEqual({ issues: [], warnings: [] });
  });

  const refused: [name: string, input: unknown, path: string, message: RegExp][] = [
    ['a missing prompt', { start_image_url: good.start_image_url }, '$.prompt', /is required: expected a string/],
    ['an empty prompt', { ...good, prompt: '' }, '$.prompt', /not blank/],
    ['a blank prompt', { ...good, prompt: ' \n' }, '$.prompt', /not blank/],
    ['a prompt that is no string', { ...good, prompt: 7 }, '$.prompt', /expected a string, got 7/],
    ['a prompt of null', { ...good, prompt: null }, '$.prompt', /expected a string, got null/],
    ['a missing start image', { prompt: 'x' }, '$.start_image_url', /is required/],
    ['a start image that is no URL', { ...good, start_image_url: 'cat.png' }, '$.start_image_url', /got no URL/],
    ['an empty start image', { ...good, start_image_url: '' }, '$.start_image_url', /not blank/],
    [
      'a start image by http',
      { ...good, start_image_url: 'http://cdn.example.com/c.png' },
      '$.start_image_url',
      /http:/,
    ],
    ['a start image by ftp', { ...good, start_image_url: 'ftp://cdn.example.com/c.png' }, '$.start_image_url', /ftp:/],
    ['a data URI', { ...good, start_image_url: 'data:image/png;base64,AAAA' }, '$.start_image_url', /data: URI/],
    [
      'a login in the URL',
      { ...good, start_image_url: 'https://a:b@cdn.example.com/c' },
      '$.start_image_url',
      /password/,
    ],
    [
      'a GIF as start image',
      { ...good, start_image_url: 'https://cdn.example.com/c.GIF?x=1' },
      '$.start_image_url',
      /\.gif/,
    ],
    [
      'a video as start image',
      { ...good, start_image_url: 'https://cdn.example.com/c.mp4' },
      '$.start_image_url',
      /\.mp4/,
    ],
    [
      'a PDF as start image',
      { ...good, start_image_url: 'https://cdn.example.com/c.pdf' },
      '$.start_image_url',
      /\.pdf/,
    ],
    ['duration 2', { ...good, duration: 2 }, '$.duration', /a whole number from 3 to 15, got 2/],
    ['duration 16', { ...good, duration: 16 }, '$.duration', /from 3 to 15, got 16/],
    ['duration 10.5', { ...good, duration: 10.5 }, '$.duration', /a whole number from 3 to 15, got 10.5/],
    ['duration "10"', { ...good, duration: '10' }, '$.duration', /got "10"/],
    ['cfg_scale -0.1', { ...good, cfg_scale: -0.1 }, '$.cfg_scale', /a number from 0 to 1, got -0.1/],
    ['cfg_scale 1.2', { ...good, cfg_scale: 1.2 }, '$.cfg_scale', /got 1.2/],
    [
      'an unknown shot type',
      { ...good, shot_type: 'intelligent' },
      '$.shot_type',
      /expected "customize", got "intelligent"/,
    ],
    ['4 elements', { ...good, elements: [{}, {}, {}, {}] }, '$.elements', /at most 3 items, got a list of 4 items/],
    [
      '21 segments',
      { ...good, multi_prompt: segments(...Array<number>(21).fill(3)) },
      '$.multi_prompt',
      /at most 20 items/,
    ],
    [
      'a segment of 2 s',
      { ...good, multi_prompt: segments(2, 8) },
      '$.multi_prompt[0].duration',
      /from 3 to 15, got 2/,
    ],
    [
      'segments that do not fill the duration',
      { ...good, duration: 9, multi_prompt: segments(3, 5) },
      '$.multi_prompt',
      /9 s.*got 8 s/,
    ],
    [
      'segments that do not fill the default duration',
      { ...good, multi_prompt: segments(3, 5) },
      '$.multi_prompt',
      /10 s.*left out.*got 8 s/,
    ],
    [
      'segments of default length that do not fill the duration',
      { ...good, multi_prompt: [{ prompt: 'a' }, { duration: 4 }] },
      '$.multi_prompt',
      /got 9 s/,
    ],
    [
      'an http image inside an element',
      { ...good, elements: [{ frontal_image_url: 'http://x.example.com/a' }] },
      '$.elements[0].frontal_image_url',
      /http:/,
    ],
    [
      'a private image inside a list of an element',
      { ...good, elements: [{}, { reference_image_urls: ['https://x.example.com/a', 'https://10.0.0.1/b'] }] },
      '$.elements[1].reference_image_urls[1]',
      /10\.0\.0\.1/,
    ],
    [
      'a loopback video inside an element',
      { ...good, elements: [{ video_url: 'https://localhost/v.mp4' }] },
      '$.elements[0].video_url',
      /localhost/,
    ],
    [
      'an image in the place of a video',
      { ...good, elements: [{ video_url: 'https://x.example.com/v.png' }] },
      '$.elements[0].video_url',
      /a video file/,
    ],
    ['generate_audio "yes"', { ...good, generate_audio: 'yes' }, '$.generate_audio', /true or false, got "yes"/],
    ['a number that JSON cannot carry', { ...good, extra: Number.NaN }, '$.extra', /got NaN/],
    ['an integer that JSON would round', { ...good, seed: 2 ** 60 }, '$.seed', /rounded/],
    ['a body that is an array', [good], '$', /a JSON object.*got a list/],
    ['a body that is a string', 'prompt', '$', /got "prompt"/],
    ['a body that is null', null, '$', /got null/],
    ['a missing body', undefined, '$', /got nothing/],
  ];
  it.each(refused)('refuses %s', (_name, input, path, message) => {
    const { issues } = check(input);
    expect(issues.map((issue) => issue.path)).toEqual([path]);
    expect(issues[0]?.message).toMatch(message);
  });

  it('refuses a segment of 16 s, which no duration can hold either', () => {
    const { issues } = withInput({ duration: 15, multi_prompt: segments(16) });
    expect(issues.map(({ path }) => path)).toEqual(['$.multi_prompt[0].duration', '$.multi_prompt']);
    expect(issues[0]?.message).toMatch(/got 16/);
  });

  it('accepts segments that fill the default duration with default lengths', () => {
    expect(withInput({ multi_prompt: [{ prompt: 'a' }, { prompt: 'b' }] }).issues).toEqual([]);
  });

  it('accepts an empty list of segments, which asks for nothing', () => {
    expect(withInput({ duration: 7, multi_prompt: [] }).issues).toEqual([]);
  });

  it('lists every problem in one reply', () => {
    const { issues } = check({
      prompt: '',
      start_image_url: 'http://x.example.com/a',
      duration: 2,
      cfg_scale: 3,
      shot_type: 'x',
      multi_prompt: [{ duration: 1 }, { duration: 'b' }],
    });
    expect(issues.map(({ path }) => path).sort()).toEqual([
      '$.cfg_scale',
      '$.duration',
      '$.multi_prompt[0].duration',
      '$.multi_prompt[1].duration',
      '$.prompt',
      '$.shot_type',
      '$.start_image_url',
    ]);
  });

  it('names unknown keys with the nearest known one, nested ones too, and refuses none', () => {
    const { issues, warnings } = withInput({
      start_image_uri: 'https://cdn.example.com/cat.png',
      multi_prompt: [{ promt: 'a', duration: 10 }],
    });
    expect(issues).toEqual([]);
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toMatch(/^\$\.start_image_uri: .*"start_image_url"$/);
    expect(warnings[1]).toMatch(/^\$\.multi_prompt\[0\]\.promt: .*"prompt"$/);
  });

  it('leaves the input untouched: no default is filled in', () => {
    const input = Object.freeze({
      ...good,
      multi_prompt: Object.freeze([Object.freeze({ prompt: 'a', duration: 10 })]),
    });
    const before = JSON.stringify(input);
    check(input);
    expect(JSON.stringify(input)).toBe(before);
  });
});

describe('an input or a schema of any size', () => {
  it('is refused with one problem where it holds more than any model takes', () => {
    const list = Array.from({ length: 150_000 }, () => 1);
    expect(check({ ...good, multi_prompt: list }).issues).toEqual([
      { path: '$', message: 'has more than 20000 values' },
    ]);
  });

  it('is told with 50 problems of bounded length', () => {
    const { issues } = check({
      ...good,
      elements: [{ reference_image_urls: Array.from({ length: 15_000 }, () => 1) }],
    });
    expect(issues).toHaveLength(51);
    expect(JSON.stringify(issues).length).toBeLessThan(30_000);
  });

  it('has the nearest field named without comparing names that nobody could mistake', () => {
    const names = Array.from({ length: 5_000 }, (_, index) => `p${String(index)}`.padEnd(3_000, 'q'));
    const inputSchema = { type: 'object', properties: Object.fromEntries(names.map((name) => [name, {}])) };
    const input = Object.fromEntries(Array.from({ length: 60 }, (_, index) => ['z'.repeat(5_000) + String(index), 1]));
    const { warnings } = validateInput('a/b', input, { modelId: 'a/b', categories: [], inputSchema });
    expect(warnings).toHaveLength(50);
    expect(Math.max(...warnings.map(({ length }) => length))).toBeLessThan(500);
  });
});
