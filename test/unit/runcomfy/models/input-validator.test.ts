import { describe, expect, it } from 'vitest';
import { createInputValidator, validateBundled } from '../../../../runcomfy/models/index.ts';
import { klingImageToVideo } from '../../../../runcomfy/models/kling-3.0-standard-image-to-video/index.ts';

const entry = (modelId: string) => ({
  modelId,
  categories: [],
  inputSchema: { type: 'object', required: ['prompt'], properties: { prompt: { type: 'string' } } },
});

/** A catalogue that counts the questions and answers when told. */
function catalogue(
  answer: (model: string) => Promise<ReturnType<typeof entry>> = (model) => Promise.resolve(entry(model)),
) {
  const asked: string[] = [];
  return {
    asked,
    getModel(model: string) {
      asked.push(model);
      return answer(model);
    },
  };
}

describe('the input validator', () => {
  it('checks a bundled model without asking the catalogue', async () => {
    const live = catalogue();
    const { issues } = await createInputValidator(live).validate(klingImageToVideo.modelId, {});
    expect(issues.map(({ path }) => path)).toEqual(['$.prompt', '$.start_image_url']);
    expect(live.asked).toEqual([]);
  });

  it('checks another model by its catalogue entry, which it reads once', async () => {
    const live = catalogue();
    const validator = createInputValidator(live);
    const reports = await Promise.all(Array.from({ length: 20 }, () => validator.validate('a/b', {})));
    await validator.validate('a/b', {});
    expect(reports.every(({ issues }) => issues[0]?.path === '$.prompt')).toBe(true);
    expect(live.asked).toEqual(['a/b']);
  });

  it('lets the input pass with a warning when the catalogue fails, and asks again only later', async () => {
    const live = catalogue(() => Promise.reject(new Error('HTTP 503')));
    const validator = createInputValidator({ ...live, failureTtlMs: 60_000 });
    const report = await validator.validate('a/b', {});
    expect(report).toEqual({ issues: [], warnings: [expect.stringContaining('HTTP 503')] });
    await validator.validate('a/b', {});
    expect(live.asked).toHaveLength(1);
  });

  it('asks again once a failure is no longer believed', async () => {
    let isDown = true;
    const live = catalogue((model) => (isDown ? Promise.reject(new Error('down')) : Promise.resolve(entry(model))));
    const validator = createInputValidator({ ...live, failureTtlMs: 1 });
    await validator.validate('a/b', {});
    isDown = false;
    await expect.poll(async () => (await validator.validate('a/b', {})).issues.length).toBe(1);
  });

  it('reads an entry again once it is old', async () => {
    const live = catalogue();
    const validator = createInputValidator({ ...live, ttlMs: 1 });
    await expect
      .poll(async () => {
        await validator.validate('a/b', { prompt: 'x' });
        return live.asked.length;
      })
      .toBeGreaterThan(2);
  });

  it('does not wait for a catalogue that hangs', async () => {
    const validator = createInputValidator({ ...catalogue(() => new Promise(() => undefined)), timeoutMs: 20 });
    const { issues, warnings } = await validator.validate('a/b', {});
    expect(issues).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('did not answer')]);
  });

  it('keeps a bounded number of entries', async () => {
    const live = catalogue();
    const validator = createInputValidator({ ...live, maxModels: 2 });
    for (const model of ['a/a', 'a/b', 'a/c', 'a/a']) await validator.validate(model, { prompt: 'x' });
    expect(live.asked).toEqual(['a/a', 'a/b', 'a/c', 'a/a']);
  });

  it('holds media to public URLs even when the catalogue is not to be had', async () => {
    const validator = createInputValidator(catalogue(() => Promise.reject(new Error('down'))));
    expect((await validator.validate('a/b', { image_url: 'https://127.0.0.1/x' })).issues).toHaveLength(1);
  });

  it('says so when the catalogue has no schema of the model', async () => {
    const validator = createInputValidator({ getModel: (modelId) => Promise.resolve({ modelId, categories: [] }) });
    expect((await validator.validate('a/b', {})).warnings).toEqual([expect.stringContaining('no input schema')]);
  });

  it('checks bundled models at once for callers that have no token', () => {
    expect(validateBundled(klingImageToVideo.modelId, {}).issues).toHaveLength(2);
    expect(validateBundled('a/b', { prompt: 1 })).toEqual({ issues: [], warnings: [] });
  });
});
