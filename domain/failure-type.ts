/**
 * Every way in which a generation or a pipeline can fail. The same names are used for HTTP error kinds, the `type` of
 * an `ApplicationFailure`, the client's errors and the reasons behind CLI exit codes.
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

/** Failures that refuse an order for a temporary reason: an empty wallet, a refused token or an exhausted budget. */
export const wallTypes = ['InsufficientBalance', 'Unauthenticated', 'BudgetExceeded'] as const satisfies FailureType[];

/** One of `wallTypes`. */
export type WallType = (typeof wallTypes)[number];

/**
 * Whether an order met a wall. `BudgetExceeded` counts only with a budget, which others can refill; a price above the
 * order's own limit stays too high.
 */
export function isWall(type: string | undefined, budget: string | undefined): type is WallType {
  return wallTypes.some((wall) => wall === type) && (type !== 'BudgetExceeded' || budget !== undefined);
}

/** The kind of call: a submit may cost money, the others are safe to repeat. */
export type EndpointRole = 'submit' | 'read' | 'cancel';

/** Failure types after which Temporal must not repeat the call. */
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
