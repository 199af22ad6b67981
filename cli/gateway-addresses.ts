/** Where a gateway has what. */
export function gatewayAddresses(origin: string) {
  return {
    modelApiBase: `${origin}/v1`,
    serverlessApiBase: `${origin}/prod/v2`,
    api: `${origin}/api/v1`,
    page: `${origin}/`,
    mcp: `${origin}/mcp`,
  };
}

/** What a person needs of them: the variables of RunComfy's own clients, and the faces for everybody else. */
export function gatewayLines(origin: string): string[] {
  const { modelApiBase, serverlessApiBase, api, mcp } = gatewayAddresses(origin);
  return [
    `RUNCOMFY_MODEL_API_BASE=${modelApiBase}`,
    `RUNCOMFY_SERVERLESS_API_BASE=${serverlessApiBase}`,
    `our own API: ${api} · for agents: ${mcp}`,
  ];
}
