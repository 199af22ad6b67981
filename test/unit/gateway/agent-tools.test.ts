import type { McpServer } from '@modelcontextprotocol/server';
import pino from 'pino';
import { expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { addModelTools } from '../../../gateway/mcp/model-tools.ts';
import { answerTool, type McpContext } from '../../../gateway/mcp/tool.ts';

type Tool = (args: object) => Promise<{ isError?: boolean; content: { text?: string }[] }>;

/** A tenant's agent, whose gateway cannot ask RunComfy. */
function agent() {
  const lines: string[] = [];
  const away = () => Promise.reject(new Error('away'));
  const context = {
    parts: {
      log: pino({ serializers: { error: pino.stdSerializers.err } }, { write: (line: string) => lines.push(line) }),
      catalogue: { models: away, model: away },
    },
    ...{ principal: { tenant: 'acme', scope: 'generate' }, requestId: 'request-1' },
  } as unknown as McpContext;
  return { context, lines };
}

it.each(['find_models', 'describe_model', 'check_order'])(
  '%s says that the catalogue cannot be asked now',
  async (name) => {
    const { context, lines } = agent();
    const tools = new Map<string, Tool>();
    const server = { registerTool: (tool: string, _: unknown, act: Tool) => tools.set(tool, act) };
    addModelTools(server as unknown as McpServer, context);
    const answer = await tools.get(name)?.({ limit: 1, model: 'a/b', input: {} });
    expect(answer).toMatchObject({ isError: true });
    expect(answer?.content[0]?.text).toMatch(/^CatalogueUnavailable: /);
    expect(lines).toEqual([]);
  },
);

it('a failure that nobody foresaw is in the log under the id of the call; no answer shows a Workflow ID', async () => {
  const { context, lines } = agent();
  const failed = await answerTool(context, () => Promise.reject(new Error('a defect')));
  expect(failed.content[0]).toMatchObject({ text: expect.stringMatching(/^Internal: /) });
  expect(lines.join('')).toMatch(/"request":"request-1".*a defect/);
  const used = new GenerationError({ type: 'KeyInUse', message: 'key "acme/k" is used', key: 'acme/k' });
  const refused = await answerTool(context, () => Promise.reject(used));
  expect(refused.content[0]).toMatchObject({ text: 'KeyInUse: key "k" is used' });
});
