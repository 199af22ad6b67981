import { describe, expect, it } from 'vitest';
import { endingOf, historiesOf, withGenerations } from '../../support/generations.ts';
import { recordHistories } from '../../support/record-history.ts';
import { shapes } from './shapes.ts';

describe.concurrent('every control-flow shape of a generation', () => {
  for (const [name, shape] of Object.entries(shapes)) {
    it(`${name} ends as ${shape.end.type ?? 'a result'} in phase ${shape.end.phase}`, async () => {
      await withGenerations(shape.activities(), async (rig) => {
        const handle = await shape.run(rig);
        const { type, state, result } = await endingOf(handle);
        expect({ type, phase: state.phase }).toEqual({ type: shape.end.type, phase: shape.end.phase });
        expect(result?.reads ?? state.reads).toBe(state.reads);
        await recordHistories(name, await historiesOf(rig.client, handle.workflowId));
      });
    });
  }
});
