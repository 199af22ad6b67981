import { McpServer } from '@modelcontextprotocol/server';
import { productVersion } from '../../setup/version.ts';
import { addGenerationTools } from './generation-tools.ts';
import { addModelTools } from './model-tools.ts';
import { addOrderTool } from './order-tool.ts';
import type { McpContext } from './tool.ts';

const instructions = `Images, videos and audio by RunComfy. Orders cost money.
1. find_models, then describe_model for the fields and the price. 2. check_order: free, tells every problem. 3. order_generation: one order. 4. get_generation until the phase is succeeded, failed, cancelled or timed_out; outputs are URLs.
Work takes seconds to an hour. When a call times out, or says "not finished", never order again: call get_generation with the key. The same order within ten minutes is the same generation ("ordered": false); give another order_name to get a second copy on purpose. Never order again because a generation failed without telling the person what it may have cost.`;

/** Makes the server for one call: seven tools, bound to the caller. */
export function createMcpServer(context: McpContext): McpServer {
  const server = new McpServer({ name: 'runcomfy-temporal', version: productVersion }, { instructions });
  addModelTools(server, context);
  addOrderTool(server, context);
  addGenerationTools(server, context);
  return server;
}
