import { unknownSubmissionPolicies, type waitingFields, waitingPresets, wallPolicies } from '../domain/generation.ts';
import { failureRules, paramTypes, planLimits, runRules } from '../domain/pipeline/pipeline.ts';
import { maxSecondsOfDelay, maxUsd } from '../domain/request-checks.ts';
import {
  type approvalFields,
  type commonFields,
  deadlineDecisions,
  type failureRuleFields,
  idPattern,
  maxTake,
  type modelStepFields,
  type orderFields,
  type paramFields,
  type planFields,
} from './plan-fields.ts';

type Schema = Record<string, unknown>;

/** A schema for every field that the parser accepts, and for no other. */
type Described<Fields extends readonly string[]> = Record<Fields[number], Schema>;

/** The durations that `parseDuration` accepts: spaces and upper case do not matter. */
const durationPattern = String.raw`^(?:\s*\d[\d\s]*(?:\.\s*\d[\d\s]*)?(?:[mM]\s*[sS]|[sSmMhHdD]))+\s*$`;

/** The JSON Schema (2020-12) of a plan, for editors. Optional fields may be null, which counts as missing. */
export function planSchema(): Schema {
  const fields: Described<typeof planFields> = {
    version: { description: 'The version of this format.', const: 1 },
    params: orNull({
      description: 'What a run is given, by name.',
      type: 'object',
      propertyNames: { pattern: idPattern.source },
      additionalProperties: param,
    }),
    steps: {
      description: 'The steps, by id. A step waits for those that it refers to.',
      type: 'object',
      minProperties: 1,
      maxProperties: planLimits.steps,
      propertyNames: { pattern: idPattern.source },
      additionalProperties: {
        type: 'object',
        if: { required: ['approval'], properties: { approval: { type: 'object' } } },
        then: approvalStep,
        else: modelStep,
      },
    },
    outputs: orNull({
      description: 'What the run gives, by name: values with expressions. Missing: the outputs of all steps.',
      type: 'object',
      propertyNames: { pattern: idPattern.source },
    }),
  };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Plan of a RunComfy pipeline',
    ...closed(fields, ['version', 'steps']),
  };
}

const param = closed(
  {
    type: { description: 'What it is; image, video and audio are URLs.', enum: [...paramTypes] },
    default: { description: 'Without one the param is required.' },
    description: text('For whoever runs it.'),
  } satisfies Described<typeof paramFields>,
  ['type'],
);

const waiting = orNull({
  description: 'How eagerly the status is read.',
  ...closed({
    preset: word('What one read is worth.', waitingPresets),
    secondsOfDelayPerRead: orNull({
      description: 'Seconds of delay that one read is worth.',
      type: 'number',
      exclusiveMinimum: 0,
      maximum: maxSecondsOfDelay,
    }),
  } satisfies Described<typeof waitingFields>),
});

const order = {
  model: { description: 'A RunComfy model id, or an expression over params alone.', type: 'string' },
  input: orNull({
    description: "The model's own object, with expressions anywhere in its values.",
    type: 'object',
  }),
  take: whole('Another try of the same input. Default 1.', maxTake),
  deadline: duration('When the order gives up, counted from its start. Default 24h.'),
  queueDeadline: duration("How long it may wait in RunComfy's queue after the submit."),
  waiting,
  onUnknownSubmission: word('When it cannot be known whether it was submitted.', unknownSubmissionPolicies),
  onWall: word('When the wallet is empty or the token refused. Default fail.', wallPolicies),
  maxPriceUsd: orNull({
    description: 'The price where none is published, and a limit where one is; at most 6 decimals.',
    type: 'number',
    exclusiveMinimum: 0,
    maximum: maxUsd,
  }),
} satisfies Described<typeof orderFields>;

const fallback = {
  description: 'Other orders, in turn, each once the one before is surely over.',
  type: 'array',
  minItems: 1,
  maxItems: planLimits.fallbacks,
  items: closed(order, ['model']),
};

const failureRule = {
  ...closed(
    {
      fallback,
      then: word('What follows when they fail, too. Default fail.', failureRules),
    } satisfies Described<typeof failureRuleFields>,
    ['fallback'],
  ),
};

const common = {
  needs: orNull({
    description: 'Further steps to wait for; those that expressions refer to are implied.',
    type: 'array',
    items: { type: 'string' },
  }),
  if: {
    description: 'A boolean expression; where it is false the step is skipped.',
    type: ['string', 'boolean', 'null'],
  },
  runsWhen: word('When all sources have succeeded (default), or once they have ended in whatever way.', runRules),
  onFailure: word('What follows when the step fails. Default fail.', failureRules),
} satisfies Described<typeof commonFields>;

const modelStep = closed(
  {
    ...order,
    ...common,
    onFailure: {
      description: 'What follows when the step fails. Default fail.',
      anyOf: [{ enum: [...failureRules, null] }, failureRule],
    },
    forEach: {
      description: 'A list, or an expression that gives one: an order for each item.',
      anyOf: [{ type: ['string', 'null'] }, { type: 'array', maxItems: planLimits.forEachItems }],
    },
    maxParallel: whole(`Its orders open at once. Default ${String(planLimits.maxParallel)}.`, planLimits.maxParallel),
    attempts: whole('Orders in total, each of which may be billed. Default 1.', planLimits.attempts),
    mayPayTwice: orNull({
      description: 'A further order although the one before may still run and be billed. Default false.',
      type: 'boolean',
    }),
    approval: { type: 'null' },
  } satisfies Described<typeof modelStepFields> & { approval: Schema },
  ['model'],
);

const approval = {
  description: "A person's decision.",
  ...closed({
    message: text('What is asked.'),
    choose: {
      description: 'A list of texts, or an expression that gives one.',
      anyOf: [{ type: ['string', 'null'] }, { type: 'array', maxItems: planLimits.approvalChoices }],
    },
    count: whole('How many are to be chosen. Default 1.', planLimits.approvalChoices),
    deadline: duration('When onDeadline decides. Default 7d.'),
    onDeadline: word('Default reject; approve takes the first choices.', deadlineDecisions),
  } satisfies Described<typeof approvalFields>),
  if: { required: ['count'], properties: { count: { type: 'integer' } } },
  then: { required: ['choose'], properties: { choose: { type: ['string', 'array'] } } },
};

const approvalStep = closed({ ...common, approval }, ['approval']);

function closed(properties: Record<string, Schema>, required: string[] = []): Schema {
  return {
    type: 'object',
    additionalProperties: false,
    ...(required.length > 0 && { required }),
    properties,
  };
}

function orNull({ type, ...schema }: Schema): Schema {
  return { type: [type, 'null'], ...schema };
}

function text(description: string): Schema {
  return { description, type: ['string', 'null'] };
}

function word(description: string, words: readonly string[]): Schema {
  return { description, enum: [...words, null] };
}

function whole(description: string, maximum: number): Schema {
  return { description, type: ['integer', 'null'], minimum: 1, maximum };
}

function duration(description: string): Schema {
  return {
    description: `${description} 90s, 30m, 1h30m, 2d; at most a year.`,
    type: ['string', 'null'],
    pattern: durationPattern,
  };
}
