import { describe, expect, it } from 'vitest';
import { jsonBytes } from '../../../domain/json.ts';
import type { ItemState, PipelineState, StepState, StepSummary } from '../../../domain/pipeline/pipeline-run.ts';
import { boundOutputs, boundState, boundSummaries } from '../../../workflows/pipeline/bounds.ts';

const oneMiB = 1024 * 1024;
// Three bytes a letter: what is counted in letters is three times as large on the wire.
const long = (letters: number) => '界'.repeat(letters);
const files = Array.from({ length: 10 }, (_, at) => `https://files.example.com/${String(at)}/${long(300)}.png`);
const output = { images: files, videos: files, audios: [] };
const failure = {
  type: 'GenerationFailed' as const,
  message: long(4_000),
  issues: Array.from({ length: 50 }, () => ({ path: '$.a', message: long(200) })),
};

function stateOf(items: number, ofItem: Partial<ItemState>, ofStep: Partial<StepState> = {}): PipelineState {
  const steps = Array.from({ length: 100 }, (_, at): StepState => ({
    id: `step_${String(at)}`,
    phase: 'succeeded',
    key: `${long(150)}/step_${String(at)}@0123456789ab`,
    ...ofStep,
    items: Array.from({ length: items / 100 }, (_, index): ItemState => ({
      index,
      phase: 'succeeded',
      key: `${long(150)}/step_${String(at)}@${String(index)}`,
      ...ofItem,
    })),
  }));
  return { phase: 'running', startedAt: '', deadlineAt: '', costUsd: 0, reservedUsd: 0, steps, warnings: [] };
}

describe('the state of a pipeline', () => {
  it('is told whole where it is small', () => {
    const state = stateOf(100, {});
    expect(boundState(state)).toBe(state);
  });

  it.each([
    ['outputs', { output }, {}],
    ['failures', { failure }, { failure }],
    ['choices', {}, { approval: { deadlineAt: '', onDeadline: 'reject' as const, choices: files, chosen: files } }],
    ['all of it', { output, failure }, { output, failure, waitsFor: files }],
  ])('stays below 1 MiB with 500 items and many %s', (_, ofItem, ofStep) => {
    const bounded = boundState(stateOf(500, ofItem, ofStep));
    expect(Buffer.byteLength(JSON.stringify(bounded))).toBeLessThan(oneMiB);
    expect(bounded.truncated).toBe(true);
    expect(bounded.steps.map(({ id, phase }) => [id, phase])).toHaveLength(100);
  });

  it('is measured in bytes as they travel', () => {
    for (const text of ['plain', 'Ärger', '界', '🎬', '"quoted"\n']) {
      expect(jsonBytes({ text })).toBe(Buffer.byteLength(JSON.stringify({ text })));
    }
  });
});

describe('the end of a pipeline', () => {
  it('tells of every step within its bounds', () => {
    const steps = Object.fromEntries(
      Array.from({ length: 100 }, (_, at): [string, StepSummary] => [
        `step_${String(at)}`,
        { phase: 'succeeded', key: long(100), output, choices: files },
      ]),
    );
    const bounded = boundSummaries(steps, 100_000);
    expect(jsonBytes(bounded)).toBeLessThan(100_000);
    expect(Object.keys(bounded)).toEqual(Object.keys(steps));
  });

  it('leaves out the outputs that are too large, and names them', () => {
    const outputs = { small: 'a', large: long(10_000), other: 'b' };
    expect(boundOutputs(outputs, 1_000)).toEqual({
      outputs: { small: 'a', large: null, other: 'b' },
      omitted: ['large'],
    });
  });
});
