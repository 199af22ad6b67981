import { describe, expect, it, onTestFinished } from 'vitest';
import { batchLimits } from '../../../../domain/batch/batch.ts';
import type { FailureType } from '../../../../domain/failure-type.ts';
import { checkItemFile, itemsOfFile } from '../../../../plans/batch/check-item-file.ts';
import { chainDigest, splitIntoPages } from '../../../../plans/batch/item-pages.ts';
import { RunComfyError } from '../../../../runcomfy/errors.ts';
import { flux, kling } from '../../../support/simulator-client.ts';

const url = 'https://example.com/a.png';

/** A file in pieces of a few bytes, so that characters and lines are torn. */
function fileOf(text: string | Uint8Array, model?: string) {
  const bytes = Buffer.from(text);
  async function* open() {
    for (let at = 0; at < bytes.length; at += 7) yield await Promise.resolve(bytes.subarray(at, at + 7));
  }
  return { open, ...(model !== undefined && { defaults: { model } }) };
}

async function read(text: string, model = kling) {
  const file = fileOf(text, model);
  const { issues, warnings, count, lines } = await checkItemFile(file, {});
  const items = [];
  for await (const item of itemsOfFile(file, {})) items.push(item);
  return { issues: issues.map(({ path, message }) => `${path} ${message}`), warnings, count, lines, items };
}

const row = (id: string) => JSON.stringify({ id, input: { prompt: 'é…', start_image_url: url } });

describe('a file of items', () => {
  it('49: may have a byte order mark, CRLF, blank lines and no end; what is wrong is told by its line', async () => {
    const good = await read(`\uFEFF${row('a')}\r\n\r\n${row('b')}`);
    expect([good.issues, good.count, good.items.map(({ id }) => id)]).toEqual([[], 2, ['a', 'b']]);
    const { issues } = await read(
      `${row('a')}\n{"id":\n{"input":{}}\n${JSON.stringify({ id: 'x', input: { prompt: 'y'.repeat(300_000) } })}\n`,
    );
    expect(issues[0]).toMatch(/^line 2 is no JSON/);
    expect(issues[1]).toMatch(/^line 3: \$\.id expected text/);
    expect(issues[2]).toMatch(/^line 4 is longer than/);
    await expect(checkItemFile(fileOf(new Uint8Array([0x7b, 0xff, 0xfe])), {})).rejects.toThrow(TypeError);
  });

  it('48, 51: an id that comes twice is told with both lines; a file without items is refused', async () => {
    expect((await read(`${row('a')}\n${row('b')}\n${row('a')}`)).issues).toEqual([
      'line 3: $.id "a" is the id of line 1 too',
    ]);
    expect((await read('\n')).issues).toEqual(['$ the file has no items']);
    expect((await read('')).issues).toEqual(['$ the file has no items']);
  });

  it('reads the params of a plan by their types, prices its steps, and names what does not fit', async () => {
    const plan = {
      version: 1,
      params: { scene: { type: 'string' }, seconds: { type: 'integer' }, tags: { type: 'list', default: [] } },
      steps: {
        clip: {
          model: kling,
          input: { prompt: '${{ params.scene }}', start_image_url: url, duration: '${{ params.seconds }}' },
        },
      },
    };
    const csv = (rows: string) => ({ ...fileOf(`id,param.scene,param.seconds,param.tags\n${rows}`), plan });
    const good = csv('a,12,5,"[""x""]"\nb,sea,10,\n');
    const { issues, lines, count } = await checkItemFile(good, { maxCostUsd: 10 });
    expect([issues, count, lines]).toEqual([
      [],
      2,
      [expect.objectContaining({ what: 'clip', model: kling, count: 2 })],
    ]);
    expect(lines[0]?.priceUsd).toBeGreaterThan(0);
    const items = [];
    for await (const item of itemsOfFile(good, {})) items.push(item);
    expect(items).toEqual([
      { id: 'a', params: { scene: '12', seconds: 5, tags: ['x'] } },
      { id: 'b', params: { scene: 'sea', seconds: 10 } },
    ]);
    const blanks = [];
    for await (const item of itemsOfFile(csv('a,sea, ," "\n'), {})) blanks.push(item);
    expect(blanks).toEqual([{ id: 'a', params: { scene: 'sea' } }]);
    const bad = await checkItemFile(csv('a,,5,\nb,sea,2,\n'), {});
    expect(bad.issues.map(({ path, message }) => `${path} ${message}`).join('\n')).toMatch(
      /line 2: \$\.params\.scene is required.*\nline 3: \$ \$\.steps\.clip\.input\.duration of the plan: .*2/,
    );
    expect((await read('id,param.scene\na,x\n')).issues.join()).toMatch(/params.*without a plan/);
  });

  it('51: one item more than a batch may have is refused', async () => {
    const ids = Array.from({ length: batchLimits.items + 1 }, (_, at) => `${String(at)},x`);
    const open = async function* () {
      yield await Promise.resolve(Buffer.from(`id,prompt\n${ids.join('\n')}`));
    };
    const { issues } = await checkItemFile({ open, defaults: { model: flux } }, {});
    expect(issues.map(({ message }) => message)).toEqual(['the file has 100001 items, and a batch at most 100000']);
  });

  it('50: CSV with quoted breaks, numbers by the schema and empty cells; a wrong separator names the header', async () => {
    const { issues, items, warnings } = await read(
      `id,prompt,start_image_url,duration,shade.of\na,"two\nlines, one ""cell""",${url},5,grey\nb,x,${url},,\n`,
    );
    expect(issues).toEqual([]);
    expect(items).toEqual([
      {
        id: 'a',
        input: { prompt: 'two\nlines, one "cell"', start_image_url: url, duration: 5, shade: { of: 'grey' } },
      },
      { id: 'b', input: { prompt: 'x', start_image_url: url } },
    ]);
    expect(warnings.join()).toContain('shade');
    // Spreadsheets leave blanks behind: they are no 0.
    const blanks = await read(`id,prompt,start_image_url,duration,cfg_scale\na, ,${url}, ,"\t"\nb,x,${url},0x5,\n`);
    expect(blanks.items[0]).toEqual({ id: 'a', input: { prompt: ' ', start_image_url: url } });
    expect(blanks.issues.join('\n')).toMatch(/line 3: \$\.input\.duration/);
    expect((await read('id;prompt\na;b\n')).issues[0]).toMatch(/header has no column "id": "id;prompt"/);
    expect((await read('id,prompt\na,b,c\n')).issues[0]).toMatch(/^line 2 has 3 cells, and the header 2/);
  });

  it('with a value below a column without a name is refused by its line, but for numbers of rows', async () => {
    const good = `x,${url}`;
    const { issues } = await read(
      `id,prompt,start_image_url, ,\na,${good},,\nb,${good}, ,"\t"\nc,${good},5,10\nd,${good},,10`,
    );
    const nameless = (line: number, column: number): unknown =>
      expect.stringContaining(`line ${String(line)} has a value in column ${String(column)}, which has no name`);
    expect(issues).toEqual([nameless(4, 4), nameless(5, 5)]);
    const numbered = await read(`"",id,prompt,start_image_url\n0,a,${good}\n1,b,${good}\n`);
    expect([numbered.issues, numbered.count]).toEqual([[], 2]);
    const unnamed = await read(`,id,start_image_url\nA red bird,a,${url}\n`);
    expect(unnamed.issues).toEqual([nameless(2, 1)]);
  });

  it.each(['a-17,A red bi', 'a-17,"A red bird"', `a-17,A red bird,${url}`])(
    'whose last row is %s without a line break may be cut off there; elsewhere a short row leaves cells out',
    async (short) => {
      const rows = ['id,prompt,start_image_url,duration', `a-16,x,${url},5`, short];
      const { issues } = await read(rows.join('\n'));
      expect(issues).toEqual([
        expect.stringMatching(
          /^line 3 has [23] cells of 4 and no line break behind them, .* cut off: .* commas .* line break$/,
        ),
      ]);
      for (const end of ['\n', '\r', '\r\n']) {
        for (const more of [[''], [`a-18,x,${url},5`]]) {
          const { issues } = await checkItemFile(fileOf([...rows, ...more].join(end), flux), {});
          expect(issues, JSON.stringify([end, more])).toEqual([]);
        }
      }
    },
  );

  it.each([
    ['id,prompt,duration,prompt', ['the header has "prompt" twice']],
    ['id,id,model,model', ['the header has "id" twice', 'the header has "model" twice']],
    ['id,camera.angle,camera-x,camera', ['the header has "camera" beside "camera.angle", which is a part of it']],
    ['id,param.a.b.c,param.a', ['the header has "param.a" beside "param.a.b.c", which is a part of it']],
    ['id,id.x,param,param.a,camera.angle,camera.x,,', []],
  ])('whose header is %s names each column of which another takes the place', async (header, problems) => {
    const { issues } = await checkItemFile(fileOf(`${header}\na,x\n`, flux), {});
    const found = issues.filter(({ path }) => path === 'line 1').map(({ message }) => message);
    expect(found).toEqual(problems);
  });

  describe('of a model of which the catalogue tells nothing', () => {
    const model = 'some/other';
    const csv = fileOf('id,duration\na,5\n', model);
    const whileIt = (type: FailureType, details = {}) => ({
      getModel: () => Promise.reject(new RunComfyError(type, 'no luck', details)),
    });

    it.each([
      ['ServiceUnavailable', {}, 'run the command again'],
      ['Unauthenticated', { httpStatus: 401 }, 'renew the token'],
    ] as const)('now (%s) is refused where it is CSV, whose cells would be text', async (type, details, remedy) => {
      const lookup = whileIt(type, details);
      await expect(checkItemFile(csv, lookup)).rejects.toMatchObject({
        type,
        message: `nothing was sent, RunComfy does not tell now by which types the cells of ${model} are read (no luck): ${remedy}`,
      });
      expect(await checkItemFile(csv, { ...lookup, mayReadAsText: true })).toMatchObject({ issues: [], count: 1 });
      expect(await checkItemFile(fileOf(row('a'), model), lookup)).toMatchObject({ issues: [], count: 1 });
    });

    it('later either is read as text', async () => {
      expect(await checkItemFile(csv, whileIt('ProtocolMismatch'))).toMatchObject({ issues: [], count: 1 });
    });
  });

  it('is read at the pace of its check, however long it is, without a warning of the runtime', async () => {
    const warned: string[] = [];
    const listen = ({ name }: Error) => warned.push(name);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const bytes = Buffer.from(
      `id,prompt\n${Array.from({ length: 1_000 }, (_, at) => `${String(at)},${'x'.repeat(2_000)}\n`).join('')}`,
    );
    let given = 0;
    const open = async function* () {
      for (; given < bytes.length; given += 65_536) yield await Promise.resolve(bytes.subarray(given, given + 65_536));
    };
    const items = itemsOfFile({ open, defaults: { model: flux } }, {})[Symbol.asyncIterator]();
    await items.next();
    expect(given).toBeLessThan(500_000);
    let count = 1;
    while (!(await items.next()).done) count += 1;
    expect([count, warned]).toEqual([1_000, []]);
  });

  it('is checked by the model, and priced', async () => {
    const { issues, lines } = await read(
      `${row('a')}\n${JSON.stringify({ id: 'b', input: { prompt: 'x', start_image_url: url, duration: 2 } })}`,
    );
    expect(issues).toHaveLength(1);
    expect(issues[0]).toMatch(/^line 2: \$\.input\.duration/);
    expect(lines).toMatchObject([{ model: kling, count: 2 }]);
  });
});

describe('pages of items', () => {
  it('hold at most 250 items and 128 KiB, and the digest does not know of them', () => {
    const items = Array.from({ length: 600 }, (_, at) => ({ id: String(at), input: { prompt: 'x'.repeat(at % 900) } }));
    const pages = splitIntoPages(items);
    expect(pages.flat()).toEqual(items);
    for (const page of pages) {
      expect(page.length).toBeLessThanOrEqual(250);
      expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThanOrEqual(128 * 1024 + 2);
    }
    const byPages = pages.reduce((digest, page) => chainDigest(digest, page), '');
    expect(byPages).toBe(chainDigest('', items));
    expect(byPages).not.toBe(chainDigest('', items.slice(1)));
  });
});

it('a price that cannot be known is refused under budgets too; of a plan, of which each order is held to its own, only where it never will be', async () => {
  const tokens = 'some/text-to-speech';
  const image = { model: 'some/text-to-image', input: {} };
  const getModel = (modelId: string) =>
    Promise.resolve({ modelId, categories: [], basePriceUsd: 1, priceUnit: modelId === tokens ? 'token' : 'image' });
  const told = async (file: object) => {
    const { issues } = await checkItemFile({ ...fileOf('{"id":"a"}'), ...file }, { getModel, needsPrices: true });
    return issues.map(({ path }) => path);
  };
  const each = (model: string) => ({ model, forEach: '${{ steps.still.images }}', input: {} });
  expect(await told({ defaults: { model: tokens } })).toEqual(['line 1: $']);
  expect(await told({ defaults: { model: tokens, maxPriceUsd: null } })).toEqual(['line 1: $']);
  expect(await told({ defaults: { model: tokens, maxPriceUsd: 1 } })).toEqual([]);
  expect(await told({ plan: { version: 1, steps: { still: image, each: each(image.model) } } })).toEqual([]);
  expect(await told({ plan: { version: 1, steps: { still: image, each: each(tokens) } } })).toEqual(['line 1: $']);
});
