/** The fields of a plan, which the parser accepts and its JSON Schema describes. */
export const planFields = ['version', 'params', 'steps', 'outputs'] as const;

/** The fields of a param. */
export const paramFields = ['type', 'default', 'description'] as const;

/** The fields of an order: a step with a model, or one of its fallbacks. */
export const orderFields = [
  'model',
  'input',
  'take',
  'deadline',
  'queueDeadline',
  'waiting',
  'onUnknownSubmission',
  'onWall',
  'maxPriceUsd',
] as const;

/** The fields that every step can have. */
export const commonFields = ['needs', 'if', 'runsWhen', 'onFailure'] as const;

/** The fields of a step with a model. */
export const modelStepFields = [
  ...orderFields,
  ...commonFields,
  'forEach',
  'maxParallel',
  'attempts',
  'mayPayTwice',
] as const;

/** The fields of an `approval`. */
export const approvalFields = ['message', 'choose', 'count', 'deadline', 'onDeadline'] as const;

/** The fields of an `onFailure` that is an object. */
export const failureRuleFields = ['fallback', 'then'] as const;

/** What can happen to an approval that nobody decides in time. */
export const deadlineDecisions = ['reject', 'approve'] as const;

/**
 * Names of steps, params and outputs: identifiers of the expression language. Its literals and `in` name nothing there,
 * it takes an object with a field `constructor` for no plain one, and `__proto__` cannot be a plain field of an object.
 */
export const idPattern = /^(?!(?:__proto__|constructor|in|true|false|null)$)[A-Za-z_][A-Za-z0-9_]{0,49}$/;

/** `idPattern` in words. */
export const idRule =
  'a letter or "_", then up to 49 letters, digits or "_" (and not in, true, false, null, constructor or __proto__)';

/** Largest `take`, which numbers the tries of one input. */
export const maxTake = 1_000_000;
