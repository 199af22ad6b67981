/** The addresses of a gateway's interfaces. */
export function gatewayAddresses(origin: string) {
  return {
    modelApiBase: `${origin}/v1`,
    serverlessApiBase: `${origin}/prod/v2`,
    api: `${origin}/api/v1`,
    page: `${origin}/`,
    mcp: `${origin}/mcp`,
  };
}

/**
 * The addresses that a person needs: the variables of RunComfy's own clients, and the interfaces for everybody else.
 */
export function gatewayLines(origin: string): string[] {
  const { modelApiBase, serverlessApiBase, api, mcp } = gatewayAddresses(origin);
  return [
    `RUNCOMFY_MODEL_API_BASE=${modelApiBase}`,
    `RUNCOMFY_SERVERLESS_API_BASE=${serverlessApiBase}`,
    `our own API: ${api} · for agents: ${mcp}`,
  ];
}
