import { z } from 'zod';
import { type FailureType, failureTypes } from '../../domain/failure-type.ts';
import { inputIssue, submission } from './generation.ts';

/** Every problem that keeps a call from being answered, with HTTP status and title. */
const problemsOfCalls = {
  MalformedRequest: [400, 'Malformed request'],
  KeyMismatch: [400, 'Two different keys'],
  NotAuthenticated: [401, 'Not authenticated'],
  NotAllowed: [403, 'Not allowed'],
  KeyNotFound: [404, 'Unknown key'],
  ModelNotFound: [404, 'Unknown model'],
  StepNotFound: [404, 'Unknown step'],
  NoLateResult: [404, 'No late result'],
  RouteNotFound: [404, 'Unknown path'],
  MethodNotAllowed: [405, 'Method not allowed'],
  NotAcceptable: [406, 'Not acceptable'],
  TooSlow: [408, 'Too slow'],
  StillRunning: [409, 'Still running'],
  ResolutionRefused: [409, 'Nothing to resolve'],
  TooLarge: [413, 'Too large'],
  PathTooLong: [414, 'Path too long'],
  UnsupportedMediaType: [415, 'Unsupported media type'],
  HostNotAllowed: [421, 'Host not served'],
  KeyInUse: [422, 'Key in use'],
  PriceAboveLimit: [422, 'Price above the limit'],
  TooManyRequests: [429, 'Too many requests'],
  HeadersTooLarge: [431, 'Headers too large'],
  Internal: [500, 'Internal error'],
  CatalogueUnavailable: [503, 'Catalogue unavailable'],
  IssuerUnreachable: [503, 'Issuer unreachable'],
  TemporalUnreachable: [503, 'Temporal unreachable'],
  NoWorker: [503, 'No worker'],
  Overloaded: [503, 'Overloaded'],
  Draining: [503, 'Draining'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

type CallProblem = keyof typeof problemsOfCalls;

/** The names of all problems; a failed generation or pipeline is a problem named by its failure type. */
export const problemNames = [...(Object.keys(problemsOfCalls) as CallProblem[]), ...failureTypes] as const;

export type ProblemName = (typeof problemNames)[number];

/** Whether a problem is one of a call, with an HTTP status of its own; otherwise it is a failure type. */
function isProblemOfCall(name: string): name is CallProblem {
  return Object.hasOwn(problemsOfCalls, name);
}

/**
 * The HTTP status and the title of a problem. For failure types it is the status of refusing an order or decision with
 * that failure.
 */
export function wordsOfProblem(name: ProblemName): { status: number; title: string } {
  if (isProblemOfCall(name)) {
    const [status, title] = problemsOfCalls[name];
    return { status, title };
  }
  return { status: statusOfRefusal(name), title: name.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ') };
}

/** The status for a request that cannot be carried out as it is (409, 422), or not at the moment (503). */
function statusOfRefusal(type: FailureType): 409 | 422 | 503 {
  switch (type) {
    case 'InvalidInput':
    case 'PriceUnknown':
      return 422;
    case 'RateLimited':
    case 'ServiceUnavailable':
      return 503;
    case 'Unauthenticated':
    case 'InsufficientBalance':
    case 'RequestNotFound':
    case 'SubmitOutcomeUnknown':
    case 'ProtocolMismatch':
    case 'GenerationFailed':
    case 'GenerationCancelled':
    case 'GenerationTimedOut':
    case 'BudgetExceeded':
    case 'PipelineFailed':
    case 'PipelineCancelled':
    case 'PipelineTimedOut':
      return 409;
  }
}

/** A problem document (RFC 9457). */
export const problem = z
  .object({
    type: z.string().meta({ examples: ['urn:runcomfy-temporal:problem:KeyInUse'] }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    name: z.enum(problemNames).meta({ id: 'ProblemName' }),
    traceId: z.string().meta({ description: 'The `X-Request-Id` of the reply; it finds the line of the log.' }),
    key: z.exactOptional(z.string()),
    requestId: z.exactOptional(z.string()),
    submission: z.exactOptional(submission),
    issues: z.exactOptional(z.array(inputIssue)),
    outcome: z.exactOptional(z.string()),
    retryAfterS: z.exactOptional(z.int()),
  })
  .meta({
    id: 'Problem',
    description: 'Why a call was not carried out; `name` is what programs branch on.',
    examples: [
      {
        type: 'urn:runcomfy-temporal:problem:InvalidInput',
        title: 'Invalid Input',
        status: 422,
        detail: 'nothing was sent: $.duration: expected a whole number from 3 to 15, got 99',
        instance: '/api/v1/generations',
        name: 'InvalidInput',
        traceId: '1b6f4b3e-5a55-4f0e-9d0a-2f1c8f3f7a11',
        issues: [{ path: '$.duration', message: 'expected a whole number from 3 to 15, got 99' }],
      },
    ],
  });

export type Problem = z.output<typeof problem>;
