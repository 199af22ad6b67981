/** As the gRPC library of clients reads them: lower case alone, the first one that is set. */
const proxyVariables = ['grpc_proxy', 'https_proxy', 'http_proxy'];

/** The variable by which calls to Temporal go through a proxy; the client's library knows no other way to set one. */
export function grpcProxyVariable(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return proxyVariables.find((name) => (env[name] ?? '') !== '');
}
