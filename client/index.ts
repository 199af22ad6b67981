export {
  createGenerationClient,
  type GenerationClient,
  type GenerationClientOptions,
  type TypedRequest,
} from './generation/generation-client.ts';
export type { InputOf } from '../runcomfy/models/index.ts';
export type { GenerationHandle, StateOptions } from './generation/generation-handle.ts';
export type { StartLabels } from './start-labels.ts';
export type { ListScope } from './list-scope.ts';
export type { Labels } from '../domain/labels.ts';
export type { StartPriority } from './start-priority.ts';
export type { StartCaller, StartedGeneration, StartOptions } from './generation/starting/start-generation.ts';
export { type CheckedRequest, checkRequest, type RequestDraft } from './generation/starting/check-request.ts';
export type { LateOptions } from './generation/following/collect-late.ts';
export type { WaitOptions } from './await-end.ts';
export type { CancelOptions } from './generation/deciding/cancel-generation.ts';
export { isTerminal } from './generation/following/phase.ts';
export type { WatchOptions } from './watch-changes.ts';
export type { GenerationWatchOptions } from './generation/following/watch-states.ts';
export type { TaskFailure } from './generation/following/task-failure.ts';
export type { KnownState } from './generation/following/server-state.ts';
export type { ListedGeneration, ListFilter } from './generation/following/list-generations.ts';
export type { CostQuestion } from './costs/read-costs.ts';
export type { CostReport, CostRow } from '../domain/costs.ts';
export type { BudgetClient } from './budget/budget-client.ts';
export type { BudgetFilter, ListedBudget, UndecodableBudget } from './budget/list-budgets.ts';
export type { CreatedBudget, NewBudget } from './budget/create-budget.ts';
export type { KnownBudgetState, ReservationsOptions } from './budget/read-budget.ts';
export type { BudgetPeriod, BudgetRequest, BudgetState, OpenReservation } from '../domain/budget/budget.ts';
export { budgetWorkflowType } from '../domain/budget/names.ts';
export type { ListedSchedule, ScheduleClient, ScheduleState } from './schedule/schedule-client.ts';
export type { NewSchedule, ScheduledOrder } from './schedule/create-schedule.ts';
export { type ScheduleOverlap, scheduleOverlaps, type ScheduleTiming } from './schedule/schedule-timing.ts';
export type { BatchClient } from './batch/batch-client.ts';
export type { BatchHandle } from './batch/batch-handle.ts';
export type { BatchStartOptions, StartedBatch } from './batch/starting/start-batch.ts';
export type { KnownBatchState } from './batch/read-batch-state.ts';
export type { ResultsOptions } from './batch/read-results.ts';
export type { AddAllOptions, AddedItems, ItemSource } from './batch/add-all.ts';
export type { BatchFilter, ListedBatch } from './batch/list-batches.ts';
export type { WebhookClient } from './webhook/webhook-client.ts';
export type { Delivery, DeliveryState, WebhookAttempt, WebhookBody } from '../domain/webhook/webhook.ts';
export type { WebhookEvent, WebhookTarget } from '../domain/webhook/webhook-target.ts';
export type { PipelineClient } from './pipeline/pipeline-client.ts';
export type { PipelinePreviewOptions } from './pipeline/preview-pipeline.ts';
export type { PipelinePreview, PreviewedOrder, PreviewedStep } from '../domain/pipeline/pipeline-preview.ts';
export type { PipelineHandle } from './pipeline/pipeline-handle.ts';
export type { PipelineStartOptions, StartedPipeline } from './pipeline/start-pipeline.ts';
export type { KnownPipelineState } from './pipeline/read-pipeline-state.ts';
export type { ListedPipeline, PipelineFilter } from './pipeline/list-pipelines.ts';
export {
  type ClientErrorType,
  clientErrorTypes,
  GenerationError,
  type GenerationErrorType,
  isGenerationError,
} from './errors.ts';
export { type FailureType, failureTypes } from '../domain/failure-type.ts';
export { batchWorkflowType, generationWorkflowType, lateKey, pipelineWorkflowType } from '../domain/names.ts';
export type {
  CancelOutcome,
  CancelReply,
  FailureDetails,
  GenerationOutput,
  GenerationRequest,
  GenerationResult,
  GenerationState,
  InputIssue,
  Phase,
  Submission,
  SubmissionResolution,
} from '../domain/generation.ts';
export type { SubmissionResolutionReply } from '../workflows/generation/messages.ts';
export type {
  ApprovalDecision,
  PipelineCancelMessage,
  PipelineCancelReply,
  PipelineFailureDetails,
  PipelinePhase,
  PipelineRequest,
  PipelineResult,
  PipelineState,
  StepFailure,
  StepPhase,
  StepState,
} from '../domain/pipeline/pipeline-run.ts';
export type {
  BatchAddMessage,
  BatchCancelMessage,
  BatchCancelReply,
  BatchCounts,
  BatchItem,
  BatchItemDefaults,
  BatchLine,
  BatchMoney,
  BatchPhase,
  BatchRequest,
  BatchResult,
  BatchSetMessage,
  BatchState,
  LineStatus,
} from '../domain/batch/batch.ts';
