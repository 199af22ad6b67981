export { decodePayload, undecodable } from '../decode-payload.ts';
export { toClientError } from '../convert-errors.ts';
export { isConnectionClosed } from '../grpc.ts';
export { asOneCall } from '../generation/starting/start-workflow.ts';
export { describeGeneration } from '../generation/following/describe-generation.ts';
export type {
  DescribedGeneration,
  DescribeOptions,
  GenerationEnding,
} from '../generation/following/describe-generation.ts';
export { countGenerations } from '../generation/following/count-generations.ts';
export type { GenerationCounts } from '../generation/following/count-generations.ts';
export { countBatches, countBudgets, countPipelines } from '../count-many.ts';
export type { EndCounts } from '../count-many.ts';
export { listGenerationPage } from '../generation/following/list-page.ts';
export type { GenerationPage, PageFilter } from '../generation/following/list-page.ts';
export { listOpenGenerations } from '../generation/following/list-open.ts';
export type { OpenGeneration } from '../generation/following/list-open.ts';
export { listPipelinePage } from '../pipeline/list-pipelines.ts';
export { listBatchPage } from '../batch/list-batches.ts';
export { listBudgetNames } from '../budget/list-budgets.ts';
export type { RowPage } from '../list-rows.ts';
export { readRequest } from '../generation/following/read-request.ts';
export { watchChanges } from '../watch-changes.ts';
export { findFailingGenerations } from './failing-generations.ts';
export type { FailingGeneration, FailingGenerations } from './failing-generations.ts';
export { findSpentBudgets } from './spent-budgets.ts';
export type { SpentBudgets } from './spent-budgets.ts';
export { findWaitingAtWall } from './waiting-at-wall.ts';
export type { WaitingAtWall } from './waiting-at-wall.ts';
export { explainStandstill } from '../generation/following/standstill.ts';
export { pauseSubmits, readSubmits, resumeSubmits } from './submits.ts';
export type { SubmitFlow } from './submits.ts';
export { startGenerationBy } from './start-by.ts';
export { lookUpOrder } from '../budget/look-up-order.ts';
export { createItemOrders } from '../batch/item-orders.ts';
export { createPipelineItemOrders } from '../batch/pipeline-item-orders.ts';
export { createBatchPages } from '../batch/pages.ts';
export { createKnownGenerations } from '../pipeline/known-generations.ts';
export { createSearchAttributes, inspectSearchAttributes } from './search-attributes.ts';
export type { SearchAttributeReport } from './search-attributes.ts';
export { describeQueue, findUnattendedQueues, listPollers } from './workers.ts';
export type { AttendedQueue, Poller, TaskQueueKind } from './workers.ts';
