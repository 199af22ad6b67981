import type { McpServer } from '@modelcontextprotocol/server';
import pino from 'pino';
import type { z } from 'zod';
import { createCatalogueReads } from '../../gateway/catalogue/catalogue-reads.ts';
import { addGenerationTools } from '../../gateway/mcp/generation-tools.ts';
import { addModelTools } from '../../gateway/mcp/model-tools.ts';
import { addOrderTool } from '../../gateway/mcp/order-tool.ts';
import type { McpContext } from '../../gateway/mcp/tool.ts';
import { createGatewayMetrics } from '../../gateway/metrics/gateway-metrics.ts';

interface Answer {
  isError?: boolean;
  content: { text?: string }[];
  structuredContent?: Record<string, unknown>;
}

type Act = (args: object) => Promise<Answer>;

/** A tenant's agent, whose gateway cannot ask RunComfy unless `parts` say otherwise. */
export function agent(parts: object = {}, sinceMs = 0, principal: object = { tenant: 'acme', scope: 'generate' }) {
  const lines: string[] = [];
  const away = () => Promise.reject(new Error('away'));
  const context = {
    parts: {
      log: pino({ serializers: { error: pino.stdSerializers.err } }, { write: (line: string) => lines.push(line) }),
      catalogue: { models: away, model: away },
      metrics: createGatewayMetrics(),
      client: { withDeadline: (_: number, ask: () => unknown) => ask() },
      ...parts,
    },
    readCatalogue: createCatalogueReads(),
    principal,
    requestId: 'request-1',
    takeStart: () => Promise.resolve(),
    since: performance.now() - sinceMs,
    stopping: new AbortController().signal,
    gone: new AbortController().signal,
  } as unknown as McpContext;
  const tools = new Map<string, Act>();
  const taken = new Map<string, z.ZodType>();
  const server = {
    registerTool: (tool: string, { inputSchema }: { inputSchema: z.ZodType }, act: Act) => {
      tools.set(tool, act);
      taken.set(tool, inputSchema);
    },
  } as unknown as McpServer;
  for (const add of [addModelTools, addOrderTool, addGenerationTools]) add(server, context);
  const use = async (name: string, args: object) => {
    const answer = await tools.get(name)?.(args);
    return { isError: answer?.isError, data: answer?.structuredContent, text: answer?.content[0]?.text };
  };
  return { context, lines, use, taken };
}
