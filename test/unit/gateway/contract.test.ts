import { expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { KnownState } from '../../../client/index.ts';
import type { CancelReply, GenerationResult, InputIssue } from '../../../domain/generation.ts';
import type { cancelReply, generation, generationResult, inputIssue } from '../../../gateway/contract/generation.ts';

/** The documents of our API and the shapes of the product are one truth: a field that is added to one is missing in the other. */
it('is the shapes of the product, to the letter', () => {
  expectTypeOf<z.output<typeof generationResult>>().toEqualTypeOf<GenerationResult>();
  expectTypeOf<z.output<typeof cancelReply>>().toEqualTypeOf<CancelReply>();
  expectTypeOf<z.output<typeof inputIssue>>().toEqualTypeOf<InputIssue>();
  type StateOf = Omit<z.output<typeof generation>, 'key' | 'runId' | 'createdAt' | 'closedAt' | 'result' | 'request'>;
  expectTypeOf<StateOf>().toEqualTypeOf<{ [Name in keyof KnownState]: KnownState[Name] }>();
});
