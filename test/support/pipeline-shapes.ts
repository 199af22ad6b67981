/** Each of these has a recorded history that every later version of the workflow must replay. */
export const pipelineShapes = [
  'approvals',
  'attempts-and-fallback',
  'cancelled',
  'cancelled-by-temporal',
  'cancelled-detached',
  'continued-as-new',
  'deadline-of-a-step',
  'deadline-of-the-pipeline',
  'fan-out-of-200',
  'fan-out-run-again',
  'fan-out-that-breathes',
  'held-then-adopted',
  'output-gone',
  'output-missing',
  'paid-twice-on-purpose',
  'partial',
  'queue-deadline-lost',
  'step-skipped',
  // Of a version that prepared each step in an activity of its own.
  'three-steps',
  'three-steps-sparing',
  'two-steps',
  'workers-exchanged',
] as const;

/** One control-flow shape of a pipeline. */
export type PipelineShape = (typeof pipelineShapes)[number];
