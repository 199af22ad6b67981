/** As read by the client's gRPC library: lower case only, and the first one that is set wins. */
const proxyVariables = ['grpc_proxy', 'https_proxy', 'http_proxy'];

/** The variable that routes calls to Temporal through a proxy. The client's library offers no other way to set one. */
export function grpcProxyVariable(env: NodeJS.ProcessEnv = process.env): string | undefined {
  return proxyVariables.find((name) => (env[name] ?? '') !== '');
}
