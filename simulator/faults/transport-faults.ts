import { badToken, errorReply, retryAfterValue, tooMany } from '../api/errors.ts';
import { jsonReply, type Reply } from '../http/reply.ts';
import { allSteps, apiSteps, type Fault, type FaultContext, isTaken, late, reply } from './fault.ts';

const gatewayPage = '<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>';
const usualDelayMs = 30_000;

/** The rule's own body if it has one, otherwise `usual`. */
function bodyOf({ rule }: FaultContext, usual: Reply): Reply {
  if (rule.body === undefined) return usual;
  const { status, headers = {} } = usual;
  return typeof rule.body === 'string' ? { status, headers, raw: rule.body } : { status, headers, json: rule.body };
}

/** The call is carried out, but its reply is replaced. */
function spoiled(name: string, group: number, sentence: string, make: (honest: Reply) => Reply): Fault {
  return {
    name,
    group,
    steps: apiSteps,
    sentence,
    applies: isTaken,
    isInReplyAlone: true,
    act: (context) => {
      const made = bodyOf(context, make(context.proceed()));
      return reply({ ...made, status: context.rule.httpStatus ?? made.status });
    },
  };
}

/** The call is not carried out at all. */
function refused(name: string, group: number, sentence: string, make: (context: FaultContext) => Reply): Fault {
  return { name, group, steps: apiSteps, sentence, act: (context) => reply(bodyOf(context, make(context))) };
}

/** The target of a redirect: the simulator's second name on loopback; elsewhere, where it has none, an invalid host. */
function locationOf({ rule, call }: FaultContext): string {
  if (rule.location !== undefined) return rule.location;
  const { protocol, hostname, port } = new URL(call.origin);
  const other = { '127.0.0.1': 'localhost', localhost: '127.0.0.1', '[::1]': 'localhost' }[hostname];
  const host = other === undefined ? 'elsewhere.invalid' : `${other}${port === '' ? '' : `:${port}`}`;
  return `${protocol}//${host}/__sim/elsewhere${call.url.pathname}`;
}

function redirect(status: 302 | 307): Fault {
  return {
    name: `redirect-${String(status)}`,
    group: 10,
    steps: allSteps,
    sentence: `${String(status)} to another origin (\`location\`; else the simulator under another loopback name, or elsewhere.invalid), nothing done.`,
    applies: (context) => new URL(locationOf(context), context.call.url).origin !== context.call.origin,
    act: (context) => reply({ status, headers: { location: locationOf(context) }, raw: '' }),
  };
}

/** Faults that any call can meet. */
export const transportFaults: readonly Fault[] = [
  refused(
    'unavailable-json',
    2,
    '503 with a JSON error of the service (and `Retry-After` where given): nothing was done.',
    ({ rule, world }) => {
      const headers: Record<string, string> = {};
      if (rule.retryAfter !== undefined) headers['retry-after'] = retryAfterValue(rule.retryAfter);
      return errorReply({ ...world.settings.switches, errors_in_200: false }, 503, 503001, 'Service unavailable.', {
        headers,
      });
    },
  ),
  refused('unavailable-bare', 2, '503 without a body: nothing was done, but nobody can tell.', () => ({
    status: 503,
    raw: '',
  })),
  refused('rate-limited', 2, '429; `retryAfter` is absent, seconds, `date` or any text.', ({ rule, world }) =>
    tooMany(world.settings.switches, rule.retryAfter),
  ),
  spoiled('not-json', 3, 'Carried out, but the reply is text that is no JSON.', ({ status }) => ({
    status,
    raw: 'OK, accepted',
  })),
  spoiled('empty-body', 3, 'Carried out, but the reply has no body.', ({ status }) => ({ status, raw: '' })),
  spoiled('empty-array', 3, 'Carried out, but the reply is `[]`.', ({ status }) => jsonReply(status, [])),
  spoiled('empty-object', 3, 'Carried out, but the reply is `{}`.', ({ status }) => jsonReply(status, {})),
  spoiled('null-body', 3, 'Carried out, but the reply is `null`.', ({ status }) => jsonReply(status, null)),
  refused(
    'error-code-200',
    4,
    '200 with `error_code` (`errorCode`, else 403003): a refusal, nothing was done.',
    ({ rule }) => jsonReply(200, { error_code: rule.errorCode ?? 403003, error_message: 'Forbidden.' }),
  ),
  refused(
    'http-5xx',
    5,
    'A gateway answers `httpStatus` (502 unless given) with an HTML page: nothing was done.',
    ({ rule }) => ({
      status: rule.httpStatus ?? 502,
      headers: { 'content-type': 'text/html' },
      raw: gatewayPage,
    }),
  ),
  refused(
    'http-status',
    5,
    '`httpStatus` (500 unless given) with `body`, or an error of the API: nothing was done.',
    ({ rule }) =>
      jsonReply(rule.httpStatus ?? 500, { error_code: rule.errorCode ?? 500001, error_message: 'Internal error.' }),
  ),
  spoiled('html-body', 5, 'Carried out, but the reply is an HTML page under a success status.', ({ status }) => ({
    status,
    headers: { 'content-type': 'text/html' },
    raw: gatewayPage,
  })),
  {
    name: 'reset',
    group: 5,
    steps: allSteps,
    sentence: 'The connection is reset: nothing was done.',
    act: () => ({ how: 'reset' }),
  },
  {
    name: 'hang',
    group: 5,
    steps: allSteps,
    sentence: 'The connection stays open and no answer comes: nothing was done.',
    act: () => ({ how: 'hang' }),
  },
  {
    name: 'delay',
    group: 5,
    steps: allSteps,
    sentence: 'Carried out at once, answered after `delayMs` (30 s unless given).',
    act: late,
  },
  {
    name: 'cut-body',
    group: 5,
    steps: allSteps,
    sentence: 'Carried out, but the connection ends in the middle of the body.',
    applies: isTaken,
    act: ({ proceed }) => ({ how: 'cut', reply: proceed() }),
  },
  {
    name: 'slow-body',
    group: 9,
    steps: allSteps,
    sentence: 'Carried out, but the body trickles in over `delayMs` (30 s unless given).',
    act: ({ rule, proceed }) => ({ how: 'trickle', reply: proceed(), overMs: rule.delayMs ?? usualDelayMs }),
  },
  redirect(302),
  redirect(307),
  {
    ...refused(
      'token-revoked',
      11,
      'The token is refused until the rule is taken away: nothing was done.',
      ({ world }) => badToken(world.settings.switches),
    ),
    applies: ({ call }) => call.owner !== undefined,
  },
  refused(
    'token-echo',
    11,
    '401, or `httpStatus`, whose error text repeats the Authorization header: nothing was done.',
    (context) => {
      const message = `Rejected header "Authorization: ${context.call.authorization ?? ''}".`;
      return jsonReply(context.rule.httpStatus ?? 401, {
        error_code: context.rule.errorCode ?? 401001,
        error_message: message,
      });
    },
  ),
];
