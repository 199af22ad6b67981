/** Shapes with a recorded history that every later version of the workflow must replay. */
export const pipelineShapes = [
  'approvals',
  'attempts-and-fallback',
  'cancelled',
  'cancelled-by-temporal',
  'cancelled-detached',
  'continued-as-new',
  'deadline-of-a-step',
  'deadline-of-the-pipeline',
  // Recorded with a version whose fan-outs waited for the end of a local activity. A smaller one of the current version
  // follows.
  'fan-out-of-200',
  'fan-out-run-again',
  'fan-out-that-breathes',
  'fan-out-that-breathes-steady',
  'held-then-adopted',
  'output-gone',
  'output-missing',
  'paid-twice-on-purpose',
  'partial',
  'queue-deadline-lost',
  'step-skipped',
  // Recorded with versions that prepared each step in an activity, or a local activity, of its own.
  'three-steps',
  'three-steps-sparing',
  'three-steps-steady',
  'two-steps',
  'workers-exchanged',
] as const;

/** One control-flow shape of a pipeline. */
export type PipelineShape = (typeof pipelineShapes)[number];
