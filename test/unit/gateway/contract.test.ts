import { expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type {
  BatchCancelReply,
  BatchLine,
  BatchRequest,
  BatchResult,
  KnownBatchState,
  KnownBudgetState,
  KnownPipelineState,
  KnownState,
  ListedBatch,
  ListedPipeline,
  OpenReservation,
  PipelineCancelReply,
  PipelinePreview,
  PipelineResult,
} from '../../../client/index.ts';
import type { CancelReply, GenerationResult, InputIssue } from '../../../domain/generation.ts';
import type { batch, batchCancelReply, batchLine, batchList, batchResult } from '../../../gateway/contract/batch.ts';
import type { budget, reservationList } from '../../../gateway/contract/budget.ts';
import type { cancelReply, generation, generationResult, inputIssue } from '../../../gateway/contract/generation.ts';
import type {
  pipeline,
  pipelineCancelReply,
  pipelineList,
  pipelinePreview,
  pipelineResult,
} from '../../../gateway/contract/pipeline.ts';
import type { startBatch } from '../../../gateway/contract/start-batch.ts';

/** The documents of our API and the shapes of the product are one truth: a field that is added to one is missing in the other. */
it('is the shapes of the product, to the letter', () => {
  expectTypeOf<z.output<typeof generationResult>>().toEqualTypeOf<GenerationResult>();
  expectTypeOf<z.output<typeof cancelReply>>().toEqualTypeOf<CancelReply>();
  expectTypeOf<z.output<typeof inputIssue>>().toEqualTypeOf<InputIssue>();
  type OfBodies = 'key' | 'tenant' | 'runId' | 'createdAt' | 'closedAt' | 'result' | 'request';
  type StateOf = Omit<z.output<typeof generation>, OfBodies>;
  expectTypeOf<StateOf>().toEqualTypeOf<{ [Name in keyof KnownState]: KnownState[Name] }>();
  expectTypeOf<Plain<Omit<z.output<typeof pipeline>, 'key' | 'tenant'>>>().toEqualTypeOf<Plain<KnownPipelineState>>();
  expectTypeOf<z.output<typeof pipelineResult>>().toEqualTypeOf<PipelineResult>();
  // Prices that nobody knows are absent here, and null there.
  type PreviewOf = Pick<PipelinePreview, Exclude<keyof PipelinePreview, 'orders' | 'totalUsd'>>;
  expectTypeOf<Plain<Omit<z.output<typeof pipelinePreview>, 'orders' | 'totalUsd'>>>().toEqualTypeOf<
    Plain<PreviewOf>
  >();
  expectTypeOf<z.output<typeof pipelineCancelReply>>().toEqualTypeOf<PipelineCancelReply>();
  expectTypeOf<z.output<typeof budget>>().toEqualTypeOf<Plain<KnownBudgetState>>();
  expectTypeOf<z.output<typeof reservationList>['reservations'][number]>().toEqualTypeOf<OpenReservation>();
  type BatchOf = Omit<z.output<typeof batch>, 'key' | 'tenant' | 'paused'>;
  expectTypeOf<Plain<BatchOf>>().toEqualTypeOf<Plain<Omit<KnownBatchState, 'paused'>>>();
  expectTypeOf<z.output<typeof batch>['paused']>().toEqualTypeOf<
    Exclude<KnownBatchState['paused'], null> | undefined
  >();
  expectTypeOf<z.output<typeof batchResult>>().toEqualTypeOf<BatchResult>();
  expectTypeOf<z.output<typeof batchLine>>().toEqualTypeOf<BatchLine>();
  expectTypeOf<z.output<typeof batchCancelReply>>().toEqualTypeOf<BatchCancelReply>();
  // Labels belong to the start there.
  expectTypeOf<Omit<z.output<typeof startBatch>, 'key' | 'labels'>>().toEqualTypeOf<Plain<BatchRequestOf>>();
  type BatchRowOf = z.output<typeof batchList>['batches'][number];
  expectTypeOf<Plain<Omit<BatchRowOf, 'labels' | 'tenant'>>>().toEqualTypeOf<Plain<Omit<ListedBatch, 'labels'>>>();
  type RowOf = z.output<typeof pipelineList>['pipelines'][number];
  expectTypeOf<Plain<Omit<RowOf, 'labels' | 'tenant'>>>().toEqualTypeOf<Plain<Omit<ListedPipeline, 'labels'>>>();
});

/** A plan is any object there, and its fields are JSON here. */
type BatchRequestOf = Omit<BatchRequest, 'plan'> & { plan?: Record<string, unknown> };

/** The fields of a shape, however it is put together. */
type Plain<Shape> = { [Name in keyof Shape]: Shape[Name] };
