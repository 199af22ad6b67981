/** The fields of each part of a plan: what the parser takes, and what its JSON Schema describes. */
export const planFields = ['version', 'params', 'steps', 'outputs'] as const;

/** Of a param. */
export const paramFields = ['type', 'default', 'description'] as const;

/** Of an order: a step with a model, or one of its fallbacks. */
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

/** Of every step. */
export const commonFields = ['needs', 'if', 'runsWhen', 'onFailure'] as const;

/** Of a step with a model. */
export const modelStepFields = [
  ...orderFields,
  ...commonFields,
  'forEach',
  'maxParallel',
  'attempts',
  'mayPayTwice',
] as const;

/** Of an `approval`. */
export const approvalFields = ['message', 'choose', 'count', 'deadline', 'onDeadline'] as const;

/** Of an `onFailure` that is more than a word. */
export const failureRuleFields = ['fallback', 'then'] as const;

/** What an approval that nobody decides comes to. */
export const deadlineDecisions = ['reject', 'approve'] as const;

/** Names of steps, params and outputs: identifiers of the expression language, but for the one that names no field of an object. */
export const idPattern = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,49}$/;

/** The pattern in words. */
export const idRule = 'a letter or "_", then up to 49 letters, digits or "_" (and not __proto__)';

/** `take` counts the tries of one input. */
export const maxTake = 1_000_000;
