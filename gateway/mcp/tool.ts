import type { CallToolResult } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Principal } from '../access/principal.ts';
import { toCallersRefusal } from '../callers-refusal.ts';
import type { CatalogueReads } from '../catalogue/catalogue-reads.ts';
import type { GatewayParts } from '../gateway-parts.ts';

/** The same words whether it never was, is kept no longer, or belongs to somebody else. */
const unknownGeneration =
  'unknown generation: there is none of yours with this key; list_generations tells those that there are';

/** Whom a tool works for, and with what. */
export interface McpContext {
  parts: GatewayParts;
  readCatalogue: CatalogueReads;
  principal: Principal;
  /** The `X-Request-Id` of its call. */
  requestId: string;
  /** When the call came, by `performance.now()`. */
  since: number;
  /** Counts an order against the limits of an API key. */
  takeStart: () => Promise<void>;
  /** Aborted when the gateway stops; when the caller has left. */
  stopping: AbortSignal;
  gone: AbortSignal;
}

/** What a tool found: told as data, and in words. */
export interface ToolAnswer {
  data: Record<string, unknown>;
  words?: string;
  /** Files that it names. */
  links?: readonly string[];
  /** What it tells of has failed. */
  isFailure?: boolean;
}

/** An argument that may be left out: agents that have to send each send null for it. */
export function leftOut<Schema extends z.ZodType>(schema: Schema) {
  return leftOutAs(schema, undefined);
}

/** The same, where something stands for it. */
export function leftOutAs<Schema extends z.ZodType, Instead extends z.output<Schema> | undefined>(
  schema: Schema,
  instead: Instead,
) {
  const taken = schema.nullish();
  const told = instead === undefined ? taken : taken.meta({ default: instead });
  return told.transform((value): z.output<Schema> | Instead => value ?? instead);
}

/** Says how old an answer is, as a header does elsewhere, where it could not be had anew. */
export function withAge<Told extends ToolAnswer>(
  answer: Told,
  ageS: number | undefined,
  why: string,
): Told & Pick<ToolAnswer, 'data'> {
  if (ageS === undefined) return answer;
  const said = `${why} ${String(ageS)} s ago.`;
  const words = answer.words === undefined ? said : `${answer.words} ${said}`;
  return { ...answer, data: { ...answer.data, age_seconds: ageS }, words };
}

/** Carries out a tool; what is refused is an answer for the agent, with every problem, never a fault of the protocol. */
export async function answerTool(
  { parts, principal, requestId }: McpContext,
  act: () => Promise<ToolAnswer>,
  onRefused?: () => void,
): Promise<CallToolResult> {
  try {
    const { data, words, links = [], isFailure = false } = await act();
    const text = [...(words === undefined ? [] : [words]), JSON.stringify(data)].join('\n');
    return {
      content: [
        { type: 'text', text },
        ...links.map((uri) => ({ type: 'resource_link' as const, uri, name: uri.split('/').at(-1) ?? uri })),
      ],
      structuredContent: data,
      ...(isFailure && { isError: true }),
    };
  } catch (error) {
    onRefused?.();
    const { message, issues, refusal } = toCallersRefusal(error, principal);
    if (refusal === 'Internal') parts.log.error({ request: requestId, error }, message);
    const problems = issues.map(({ path, message: problem }) => `${path}: ${problem}`);
    const sentence = refusal === 'KeyNotFound' ? unknownGeneration : `${refusal}: ${message}`;
    return { isError: true, content: [{ type: 'text', text: [sentence, ...problems].join('\n') }] };
  }
}
