import { expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type {
  KnownBudgetState,
  KnownPipelineState,
  KnownState,
  ListedPipeline,
  OpenReservation,
  PipelineCancelReply,
  PipelinePreview,
  PipelineResult,
} from '../../../client/index.ts';
import type { CancelReply, GenerationResult, InputIssue } from '../../../domain/generation.ts';
import type { budget, reservationList } from '../../../gateway/contract/budget.ts';
import type { cancelReply, generation, generationResult, inputIssue } from '../../../gateway/contract/generation.ts';
import type {
  pipeline,
  pipelineCancelReply,
  pipelineList,
  pipelinePreview,
  pipelineResult,
} from '../../../gateway/contract/pipeline.ts';

/** The documents of our API and the shapes of the product are one truth: a field that is added to one is missing in the other. */
it('is the shapes of the product, to the letter', () => {
  expectTypeOf<z.output<typeof generationResult>>().toEqualTypeOf<GenerationResult>();
  expectTypeOf<z.output<typeof cancelReply>>().toEqualTypeOf<CancelReply>();
  expectTypeOf<z.output<typeof inputIssue>>().toEqualTypeOf<InputIssue>();
  type StateOf = Omit<z.output<typeof generation>, 'key' | 'runId' | 'createdAt' | 'closedAt' | 'result' | 'request'>;
  expectTypeOf<StateOf>().toEqualTypeOf<{ [Name in keyof KnownState]: KnownState[Name] }>();
  expectTypeOf<Plain<Omit<z.output<typeof pipeline>, 'key' | 'runId'>>>().toEqualTypeOf<Plain<KnownPipelineState>>();
  expectTypeOf<z.output<typeof pipelineResult>>().toEqualTypeOf<PipelineResult>();
  // Prices that nobody knows are absent here, and null there.
  type PreviewOf = Pick<PipelinePreview, Exclude<keyof PipelinePreview, 'orders' | 'totalUsd'>>;
  expectTypeOf<Plain<Omit<z.output<typeof pipelinePreview>, 'orders' | 'totalUsd'>>>().toEqualTypeOf<
    Plain<PreviewOf>
  >();
  expectTypeOf<z.output<typeof pipelineCancelReply>>().toEqualTypeOf<PipelineCancelReply>();
  expectTypeOf<z.output<typeof budget>>().toEqualTypeOf<Plain<KnownBudgetState>>();
  expectTypeOf<z.output<typeof reservationList>['reservations'][number]>().toEqualTypeOf<OpenReservation>();
  type RowOf = z.output<typeof pipelineList>['pipelines'][number];
  expectTypeOf<Plain<Omit<RowOf, 'labels'>>>().toEqualTypeOf<Plain<Omit<ListedPipeline, 'labels'>>>();
});

/** The fields of a shape, however it is put together. */
type Plain<Shape> = { [Name in keyof Shape]: Shape[Name] };
