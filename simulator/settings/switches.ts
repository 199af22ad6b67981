import { z } from 'zod';

/** How well a behaviour is known: documented, seen in real clients, or assumed (nobody has checked it live). */
export type Confidence = 'documented' | 'seen' | 'assumed';

interface SwitchFacts<Value> {
  readonly values: z.ZodType<Value>;
  readonly normal: Value;
  readonly confidence: Confidence;
  readonly about: string;
}

const toggle = z.preprocess((value) => (value === 'on' ? true : value === 'off' ? false : value), z.boolean());

function facts<Value>(
  values: z.ZodType<Value>,
  normal: NoInfer<Value>,
  confidence: Confidence,
  about: string,
): SwitchFacts<Value> {
  return { values, normal, confidence, about };
}

/**
 * Every point on which the real service is unknown or contradicts itself, with the allowed values, the normal one, and
 * how well the behaviour is known.
 */
export const switchTable = {
  submit_http: facts(z.union([z.literal(200), z.literal(202)]), 200, 'documented', 'HTTP status of an accepted submit'),
  submit_includes_status: facts(toggle, false, 'assumed', 'an accepted submit carries `status: in_queue`'),
  id_format: facts(z.enum(['uuid4', 'opaque']), 'uuid4', 'seen', 'form of request ids'),
  failed_in_status: facts(toggle, false, 'documented', '/status says `failed` for a failed job instead of `completed`'),
  not_ready: facts(
    z.enum(['state200', 'err400005']),
    'state200',
    'documented',
    '/result before the end: 200 with the state, or 400 with 400005',
  ),
  success_word: facts(z.enum(['succeeded', 'completed']), 'succeeded', 'documented', '/result of a success'),
  cancelled_spelling: facts(z.enum(['cancelled', 'canceled']), 'cancelled', 'documented', 'spelling of the state'),
  error_shape: facts(z.enum(['string', 'object', 'array']), 'string', 'seen', '`error` of a failed result'),
  output_keys: facts(
    z.enum(['auto', 'singular', 'plural', 'both']),
    'auto',
    'documented',
    'keys of the output; auto: singular for one file, plural for several',
  ),
  errors_in_200: facts(toggle, false, 'seen', 'API errors come with HTTP 200 and an `error_code` in the body'),
  echo_input: facts(toggle, true, 'seen', '/result repeats the submitted input'),
  include_model_id: facts(toggle, true, 'seen', '/result names the model'),
  cancel_status_field: facts(
    z.enum(['current', 'completed']),
    'current',
    'assumed',
    '`status` of a cancel reply: the current state, or `completed` as in the documented example',
  ),
  catalog_auth: facts(z.enum(['required', 'none']), 'required', 'assumed', 'whether catalogue reads need a token'),
  auth_style: facts(z.enum(['401+401001', '400+400004', '403']), '401+401001', 'documented', 'answer to a bad token'),
  balance_style: facts(z.enum(['402', '400+400002', '400+10001']), '402', 'seen', 'answer to an empty wallet'),
  unknown_model: facts(z.enum(['400+400001', '404']), '400+400001', 'documented', 'answer to an unknown model'),
  retry_after: facts(z.enum(['absent', 'seconds', 'date']), 'absent', 'assumed', '`Retry-After` of a 429'),
  validate: facts(z.enum(['strict', 'lax']), 'strict', 'assumed', 'bad input is refused, or accepted and then failed'),
  validation_http: facts(
    z.union([z.literal(422), z.literal(400)]),
    422,
    'assumed',
    'HTTP status of a refused input; the body says 422001',
  ),
  extra_keys: facts(z.enum(['ignore', 'reject']), 'ignore', 'assumed', 'keys that the schema does not know'),
  media_rules: facts(
    z.enum(['fail', 'ignore']),
    'fail',
    'assumed',
    'media that cannot be had is accepted and then fails the job',
  ),
  data_uri: facts(z.enum(['allow', 'reject']), 'allow', 'seen', 'base64 data URIs as media'),
  body_cap_bytes: facts(z.number().int().positive(), 64 * 1024 * 1024, 'assumed', 'longest request body; beyond: 413'),
  max_parallel: facts(z.number().int().positive(), 5, 'assumed', 'jobs of one token that run at the same time'),
  max_submits_per_second: facts(
    z.number().positive().nullable(),
    null,
    'assumed',
    'submits of one token per second; beyond: 429',
  ),
  queue_position_base: facts(z.union([z.literal(0), z.literal(1)]), 1, 'assumed', 'queue position of the next in line'),
  priority_jitter: facts(toggle, false, 'assumed', 'queue positions may grow'),
  charge_on: facts(z.enum(['success', 'start', 'submit']), 'success', 'assumed', 'when a job is charged'),
  charge_failed: facts(toggle, false, 'assumed', 'a failed job stays or becomes charged'),
  charge_cancelled_in_queue: facts(toggle, false, 'assumed', 'a job cancelled in the queue stays or becomes charged'),
  cost_delay: facts(z.number().int().nonnegative(), 0, 'assumed', 'result reads after the success without `cost`'),
  wallet_usd: facts(z.number(), 100, 'assumed', 'balance of a new token'),
  url_ttl_ms: facts(z.number().positive().nullable(), null, 'assumed', 'output files are gone (410) after this time'),
  request_ttl_ms: facts(z.number().positive().nullable(), null, 'assumed', 'requests are gone (404) after this time'),
  output_host: facts(
    z.url().nullable(),
    null,
    'seen',
    'origin of output URLs, e.g. https://files.example.com; null: the simulator itself',
  ),
  public_base: facts(z.url().nullable(), null, 'assumed', 'origin of the URLs in replies; null: the Host header'),
} as const;

type SwitchName = keyof typeof switchTable;

/** The switches of one simulator, by the names in `switchTable`. */
export type Switches = {
  -readonly [Name in SwitchName]: z.output<(typeof switchTable)[Name]['values']>;
};

/** The normal value of every switch. */
export function normalSwitches(): Switches {
  return Object.fromEntries(Object.entries(switchTable).map(([name, { normal }]) => [name, normal])) as Switches;
}

/** Checks a partial set of switches; throws one sentence that says what is wrong. */
export function parseSwitches(patch: unknown): Partial<Switches> {
  if (typeof patch !== 'object' || patch === null)
    throw new Error('Switches must be a JSON object of names and values.');
  const parsed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(patch)) {
    if (!isSwitchName(name)) {
      throw new Error(`There is no switch "${name}"; there are ${Object.keys(switchTable).join(', ')}.`);
    }
    const result = switchTable[name].values.safeParse(value);
    if (!result.success) {
      throw new Error(
        `Switch "${name}" (${switchTable[name].about}): ${result.error.issues[0]?.message ?? 'bad value'}.`,
      );
    }
    parsed[name] = result.data;
  }
  return parsed;
}

function isSwitchName(name: string): name is SwitchName {
  return Object.hasOwn(switchTable, name);
}
