import { describe, expect, it } from 'vitest';
import type { OriginalRequest } from '../../../../../client/generation/original-request.ts';
import { compareRequests } from '../../../../../client/generation/starting/compare-requests.ts';
import type { GenerationRequest } from '../../../../../domain/generation.ts';

const wanted: GenerationRequest = { model: 'a/b', input: { prompt: 'a cat', seed: 7 } };

function firstEvent(request: OriginalRequest['request'], workflowType = 'runcomfyGeneration'): OriginalRequest {
  return { workflowType, runId: 'run-1', startedAt: new Date(0), beginsAt: new Date(0), request };
}

describe('compareRequests', () => {
  it('attaches in silence to the same model and input, whatever the order of the keys', () => {
    expect(compareRequests('k', firstEvent({ model: 'a/b', input: { seed: 7, prompt: 'a cat' } }), wanted)).toEqual([]);
  });

  it('names the options that have no effect any more', () => {
    const existing = firstEvent({ ...wanted, deadlineMs: 5 });
    expect(compareRequests('k', existing, { ...wanted, onUnknownSubmission: 'fail' })).toEqual([
      'attached to generation "k" as it was started first: deadlineMs, onUnknownSubmission of this call had no effect',
    ]);
  });

  it('takes what is said for what is meant where nothing is', () => {
    const said = { onUnknownSubmission: 'hold', deadlineMs: 86_400_000, onWall: 'fail' } as const;
    expect(compareRequests('k', firstEvent({ ...wanted }), { ...wanted, ...said })).toEqual([]);
    expect(compareRequests('k', firstEvent({ ...wanted, ...said }), wanted)).toEqual([]);
  });

  it('takes a field that another language sent as null for absent', () => {
    const webhook = { url: 'https://shop.example/hook', secret: 'shop' };
    const nulls = { deadlineMs: null, waiting: { preset: null }, webhook: { ...webhook, events: null } };
    const sent = { ...wanted, ...nulls } as unknown as OriginalRequest['request'];
    expect(compareRequests('k', firstEvent(sent), { ...wanted, webhook })).toEqual([]);
  });

  it.each([
    ['another model', firstEvent({ ...wanted, model: 'a/c' }), 'another model, "a/c"'],
    ['another input', firstEvent({ ...wanted, input: { prompt: 'a dog', seed: 7 } }), 'with another input'],
    ['more input', firstEvent({ ...wanted, input: { ...wanted.input, size: 1 } }), 'with another input'],
    ['no argument', firstEvent({}), 'another model, null'],
    ['another workflow', firstEvent({}, 'payment'), 'a workflow of type "payment"'],
  ])('refuses a key that is in use by %s', (_what, existing, reason) => {
    expect(() => compareRequests('k', existing, wanted)).toThrow(
      expect.objectContaining({ type: 'KeyInUse', key: 'k', message: expect.stringContaining(reason) as string }),
    );
  });

  it('says so where the first run is kept no longer', () => {
    expect(compareRequests('k', undefined, wanted)).toEqual([expect.stringContaining('could not be checked')]);
  });
});
