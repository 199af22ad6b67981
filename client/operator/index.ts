export { decodePayload, undecodable } from '../decode-payload.ts';
export { toClientError } from '../convert-errors.ts';
export { grpcCodeOf, isConnectionClosed } from '../grpc.ts';
export { isClosed, type RunInfo } from '../generation/run-info.ts';
export { findRun, findRuns } from './runs.ts';
export { isComparable, plainBeginning } from '../list-scope.ts';
export { asOneCall } from '../generation/one-call.ts';
export {
  type DescribedGeneration,
  describeGeneration,
  type DescribeOptions,
  type GenerationEnding,
} from '../generation/following/describe-generation.ts';
export { countGenerations, type GenerationCounts } from '../generation/following/count-generations.ts';
export { countBatches, countBudgets, countPipelines, type EndCounts } from '../count-many.ts';
export { type GenerationPage, listGenerationPage, type PageFilter } from '../generation/following/list-page.ts';
export { listOpenGenerations, type OpenGeneration } from '../generation/following/list-open.ts';
export { isRequestOfOthers } from '../generation/keys-of-request.ts';
export { listPipelinePage } from '../pipeline/list-pipelines.ts';
export { listBatchPage } from '../batch/list-batches.ts';
export { type ListedBudget, listBudgetNames, readOpenBudget } from '../budget/list-budgets.ts';
export type { RowPage } from '../list-rows.ts';
export { readRequest } from '../generation/following/read-request.ts';
export { type Watched, watchChanges } from '../watch-changes.ts';
export { type FailingGeneration, type FailingGenerations, findFailingGenerations } from './failing-generations.ts';
export { findSpentBudgets, type SpentBudgets } from './spent-budgets.ts';
export { findWaitingAtWall, type WaitingAtWall } from './waiting-at-wall.ts';
export { explainStandstill } from '../generation/following/standstill.ts';
export { pauseSubmits, readSubmits, resumeSubmits, type SubmitFlow } from './submits.ts';
export { startGenerationBy } from './start-by.ts';
export { lookUpOrder } from '../budget/look-up-order.ts';
export { createItemOrders } from '../batch/item-orders.ts';
export { createPipelineItemOrders } from '../batch/pipeline-item-orders.ts';
export { createBatchPages } from '../batch/pages.ts';
export { createKnownGenerations } from '../pipeline/known-generations.ts';
export {
  createSearchAttributes,
  inspectSearchAttributes,
  type RefusedSearchAttribute,
  type SearchAttributeReport,
} from './search-attributes.ts';
export {
  type AttendedQueue,
  describeQueue,
  findUnattendedQueues,
  listPollers,
  type Poller,
  type TaskQueueKind,
} from './workers.ts';
