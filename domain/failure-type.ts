/**
 * Everything that can go wrong with a generation or a pipeline, by name. The same names are the kinds of HTTP error, the `type` of an
 * `ApplicationFailure`, the client's errors and the reason of each CLI exit code.
 */
export const failureTypes = [
  'InvalidInput',
  'Unauthenticated',
  'InsufficientBalance',
  'RequestNotFound',
  'RateLimited',
  'ServiceUnavailable',
  'SubmitOutcomeUnknown',
  'ProtocolMismatch',
  'GenerationFailed',
  'GenerationCancelled',
  'GenerationTimedOut',
  'BudgetExceeded',
  'PriceUnknown',
  'PipelineFailed',
  'PipelineCancelled',
  'PipelineTimedOut',
] as const;

/** One of `failureTypes`. */
export type FailureType = (typeof failureTypes)[number];

/** Whether a value is one of `failureTypes`. */
export function isFailureType(value: unknown): value is FailureType {
  return typeof value === 'string' && (failureTypes as readonly string[]).includes(value);
}

/** What refuses an order that another day would pass: an empty wallet, a refused token, an exhausted budget. */
export const wallTypes = ['InsufficientBalance', 'Unauthenticated', 'BudgetExceeded'] as const satisfies FailureType[];

/** One of `wallTypes`. */
export type WallType = (typeof wallTypes)[number];

/** Whether an order met a wall. A budget is filled again by others; a price above the order's own limit stays what it is. */
export function isWall(type: string | undefined, budget: string | undefined): type is WallType {
  return wallTypes.some((wall) => wall === type) && (type !== 'BudgetExceeded' || budget !== undefined);
}

/** What is done: a submit may cost money, the others are safe to repeat. */
export type EndpointRole = 'submit' | 'read' | 'cancel';

/** The failures after which Temporal may not repeat the call. */
export function finalFailureTypes(role: EndpointRole): FailureType[] {
  return failureTypes.filter((type) => !isRetryable(type, role));
}

/** Whether Temporal may repeat the call after this failure. A submit whose outcome is unknown is never repeated. */
export function isRetryable(type: FailureType, role: EndpointRole): boolean {
  switch (type) {
    case 'RateLimited':
    case 'ServiceUnavailable':
      return true;
    case 'Unauthenticated':
      return role !== 'submit';
    case 'InvalidInput':
    case 'InsufficientBalance':
    case 'RequestNotFound':
    case 'SubmitOutcomeUnknown':
    case 'ProtocolMismatch':
    case 'GenerationFailed':
    case 'GenerationCancelled':
    case 'GenerationTimedOut':
    case 'BudgetExceeded':
    case 'PriceUnknown':
    case 'PipelineFailed':
    case 'PipelineCancelled':
    case 'PipelineTimedOut':
      return false;
  }
}
