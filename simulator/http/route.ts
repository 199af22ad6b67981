import type { Step } from '../api/call.ts';

/** The target of a method and path. */
export type Route =
  | {
      readonly to: 'api';
      readonly step: Step;
      readonly model?: string;
      readonly requestId?: string;
      readonly fileId?: string;
    }
  | { readonly to: 'control'; readonly path: string }
  | { readonly to: 'wrong-method'; readonly allowed: string }
  | { readonly to: 'nothing' };

const requestSteps = { status: 'GET', result: 'GET', cancel: 'POST' } as const;

/** Finds the route. Model ids are taken from the path as they are. */
export function findRoute(method: string, path: string): Route {
  if (path === '/__sim' || path.startsWith('/__sim/')) return { to: 'control', path: path.slice('/__sim/'.length) };
  if (path.startsWith('/files/')) return fileRoute(method, path);
  if (path === '/prod/v2/balance') return api(method, 'GET', { to: 'api', step: 'balance' });

  const request = /^\/v1\/requests\/([^/]+)\/(status|result|cancel)$/.exec(path);
  if (request !== null) {
    const [, requestId = '', step] = request;
    const name = step as keyof typeof requestSteps;
    return api(method, requestSteps[name], { to: 'api', step: name, requestId });
  }
  const models = /^\/v1\/models(?:\/(.+))?$/.exec(path);
  if (models === null) return { to: 'nothing' };
  const [, model] = models;
  if (method === 'GET') return { to: 'api', step: 'catalogue', ...(model === undefined ? {} : { model }) };
  if (model === undefined || method !== 'POST') return { to: 'wrong-method', allowed: 'GET, POST' };
  return { to: 'api', step: 'submit', model };
}

function fileRoute(method: string, path: string): Route {
  const fileId = /([A-Za-z0-9_-]{21})_output\.[a-z0-9]+$/.exec(path)?.[1];
  const route: Route = { to: 'api', step: 'file', ...(fileId === undefined ? {} : { fileId }) };
  return method === 'GET' || method === 'HEAD' ? route : { to: 'wrong-method', allowed: 'GET, HEAD' };
}

function api(method: string, wanted: string, route: Route): Route {
  return method === wanted ? route : { to: 'wrong-method', allowed: wanted };
}
