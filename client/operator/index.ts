export { toClientError } from '../convert-errors.ts';
export { findWaitingAtWall } from './waiting-at-wall.ts';
export type { WaitingAtWall } from './waiting-at-wall.ts';
export { explainStandstill } from '../generation/following/standstill.ts';
export { createSearchAttributes, inspectSearchAttributes } from './search-attributes.ts';
export type { SearchAttributeReport } from './search-attributes.ts';
export { describeQueue, findUnattendedQueues, listPollers } from './workers.ts';
export type { AttendedQueue, Poller, TaskQueueKind } from './workers.ts';
