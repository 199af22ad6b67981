import { describe, expect, it } from 'vitest';
import { createEvaluateOutputs } from '../../../../activities/pipeline/evaluate-outputs.ts';

const evaluateOutputs = createEvaluateOutputs();
const film = 'https://files.example.com/film.mp4';
const text = (kilobytes: number) => 'x'.repeat(kilobytes * 1000);

const ask = (outputs: Record<string, unknown>, params: Record<string, unknown>) =>
  evaluateOutputs({
    outputs,
    values: {
      declared: {},
      params,
      steps: [{ id: 'final', phase: 'succeeded', output: { images: [], videos: [film], audios: [] } }],
      key: 'film',
    },
  });

describe('the outputs of a pipeline', () => {
  it('are told after one that is too large, as far as there is room', async () => {
    const large = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((name) => [name, '${{ params.t }}']));
    const { outputs, warnings } = await ask({ ...large, film: '${{ steps.final.video }}' }, { t: text(250) });
    expect(outputs).toEqual({ a: text(250), b: text(250), c: text(250), d: text(250), e: null, film });
    expect(warnings).toEqual(['$.outputs.e: too large to be told, and stands under the keys of the steps']);
  });

  it('may each be larger than a plan', async () => {
    const { outputs, warnings } = await ask({ all: '${{ params.t }}' }, { t: text(900) });
    expect(outputs).toEqual({ all: text(900) });
    expect(warnings).toEqual([]);
  });

  it('are null where one alone is more than an answer may have', async () => {
    const { outputs, warnings } = await ask(
      { all: '${{ params.t }}', film: '${{ steps.final.video }}' },
      { t: text(1300) },
    );
    expect(outputs).toEqual({ all: null, film });
    expect(warnings).toEqual(['$.outputs.all: the expressions give more than 1200000 bytes together']);
  });
});
