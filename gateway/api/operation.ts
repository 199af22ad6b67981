import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { withoutUndefined } from '../../domain/json.ts';
import type { Scope } from '../access/principal.ts';
import { exampleAnswers } from '../contract/examples.ts';
import { problem, type ProblemName, wordsOfProblem } from '../contract/problem.ts';
import type { RouteAdder } from '../http/route-adder.ts';

/** The answer with a status; without a schema it has no body. */
export interface Answer {
  description: string;
  schema?: z.ZodType;
  /** Default `application/json`. */
  type?: string;
  headers?: Record<string, string>;
}

/** One call of an operation, with validated parameters. */
export interface Call<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  request: FastifyRequest;
  reply: FastifyReply;
}

/** An operation of our API: its part of the document, and its handler. */
export interface Operation<
  Params extends z.ZodType = z.ZodUndefined,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
> {
  id: string;
  method: 'GET' | 'POST';
  /** Below `/api/v1`. */
  url: string;
  scope: Scope | undefined;
  /** It places an order: it counts against the limit of starts. */
  isStart?: true;
  /** It cancels or pauses: over the rate limit, only its answer is held. */
  isCancel?: true;
  summary: string;
  params?: Params;
  query?: Query;
  body?: Body;
  /** Request headers listed in the document; handlers read them by themselves. */
  headers?: z.ZodObject;
  answers: Record<number, Answer>;
  /** What it refuses, in addition to what every operation may refuse. */
  problems: readonly ProblemName[];
  handle: (call: Call<z.output<Params>, z.output<Query>, z.output<Body>>) => unknown;
}

const nothing = z.strictObject({});

/** Body of an operation without one: any field in it is unknown, and the document lists no body. */
export const noBody = nothing.optional();

/** Base path of our API. */
export const apiBase = '/api/v1';

const everywhere: ProblemName[] = [
  'MalformedRequest',
  'NotAuthenticated',
  'NotAllowed',
  'HostNotAllowed',
  'InvalidInput',
  'TooManyRequests',
  'TooSlow',
  'PathTooLong',
  'HeadersTooLarge',
  'Internal',
  'IssuerUnreachable',
  'TemporalUnreachable',
  'Overloaded',
  'Draining',
];

/** Document tags of operations whose path does not begin with the tag. */
const tags: Readonly<Record<string, string>> = {
  'generation-counts': 'generations',
  'pipeline-counts': 'pipelines',
  'batch-counts': 'batches',
  'budget-counts': 'budgets',
};

/** Adds an operation to the routes and, by its schemas, to the document. */
export function addOperation<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType>(
  routes: RouteAdder,
  operation: Operation<Params, Query, Body>,
): void {
  const { id, method, url, scope, summary, params, query, body, headers, answers, problems, handle } = operation;
  const { isStart, isCancel } = operation;
  const [, segment = ''] = url.split('/');
  const ofBodies: ProblemName[] = method === 'POST' ? ['TooLarge', 'UnsupportedMediaType'] : [];
  const schema = {
    operationId: id,
    summary,
    tags: [tags[segment] ?? segment],
    ...(scope === undefined && { security: [] }),
    ...(params && { params }),
    querystring: query ?? nothing,
    ...(method === 'POST' && { body: body ?? noBody }),
    ...(headers && { headers }),
    response: {
      ...Object.fromEntries(Object.entries(answers).map(([status, answer]) => [status, toResponse(answer)])),
      ...problemResponses([...everywhere, ...ofBodies, ...problems]),
    },
  };
  routes.add(
    method,
    `${apiBase}${url}`,
    scope,
    (request, reply) =>
      handle({
        params: request.params as z.output<Params>,
        query: request.query as z.output<Query>,
        body: request.body as z.output<Body>,
        request,
        reply,
      }),
    withoutUndefined({ isStart, isCancel }),
    schema,
  );
}

function toResponse({ description, schema, type = 'application/json', headers }: Answer): object {
  const example = exampleAnswers[schema?.meta()?.id ?? ''];
  return {
    description,
    ...(schema && { content: { [type]: { schema, ...(example && { example }) } } }),
    ...(headers && {
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, about]) => [name, { description: about, type: 'string' }]),
      ),
    }),
  };
}

/**
 * Responses for problems, by status. They are made anew for each operation, since the generator of the document
 * modifies them.
 */
function problemResponses(names: readonly ProblemName[]): Record<string, object> {
  const byStatus = new Map<number, Set<string>>();
  for (const name of names) {
    const { status } = wordsOfProblem(name);
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(name));
  }
  return Object.fromEntries(
    [...byStatus].map(([status, some]) => [
      status,
      {
        description: [...some].map((name) => `\`${name}\``).join(', '),
        content: { 'application/problem+json': { schema: problem } },
      },
    ]),
  );
}
