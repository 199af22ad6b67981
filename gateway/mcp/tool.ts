import type { CallToolResult } from '@modelcontextprotocol/server';
import type { z } from 'zod';
import type { Principal } from '../access/principal.ts';
import { toCallersRefusal } from '../callers-refusal.ts';
import type { CatalogueReads } from '../catalogue/catalogue-reads.ts';
import type { GatewayParts } from '../gateway-parts.ts';

/** One message for a generation that never existed, is not kept any more, or belongs to another caller. */
const unknownGeneration =
  'unknown generation: there is none of yours with this key; list_generations tells those that there are';

/** The caller of a tool, and what the tool works with. */
export interface McpContext {
  parts: GatewayParts;
  readCatalogue: CatalogueReads;
  principal: Principal;
  /** The `X-Request-Id` of the call. */
  requestId: string;
  /** When the call came, by `performance.now()`. */
  since: number;
  /** Counts a start against the rate limits of the API key. */
  takeStart: () => Promise<void>;
  /** Aborted when the gateway stops; `gone` when the caller leaves. */
  stopping: AbortSignal;
  gone: AbortSignal;
}

/** The answer of a tool, as data and as text. */
export interface ToolAnswer {
  data: Record<string, unknown>;
  words?: string;
  /** URLs of the files in it. */
  links?: readonly string[];
  /** The generation it describes has failed. */
  isFailure?: boolean;
}

/** An optional argument. It also accepts null, since some agents have to send every argument. */
export function leftOut<Schema extends z.ZodType>(schema: Schema) {
  return leftOutAs(schema, undefined);
}

/** The same, with a default value. */
export function leftOutAs<Schema extends z.ZodType, Instead extends z.output<Schema> | undefined>(
  schema: Schema,
  instead: Instead,
) {
  const taken = schema.nullish();
  const told = instead === undefined ? taken : taken.meta({ default: instead });
  return told.transform((value): z.output<Schema> | Instead => value ?? instead);
}

/** Adds the age of an answer that could not be read anew, as the `Age` header does elsewhere. */
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

/** Runs a tool. A refusal becomes an answer for the agent with every problem, not a protocol error. */
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
