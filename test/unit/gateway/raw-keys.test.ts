import { expect, it } from 'vitest';
import { createRawKeys } from '../../../gateway/api/raw-keys.ts';

const routes = ['', '/:key', '/:key/result', '/:key/cancel', '/:key/webhooks', '/:key/webhooks/:event/replay'];
const all = [
  ...routes.map((route) => `/a/orders${route}`),
  '/a/models/:model',
  '/a/models/:model/check',
  '/a/of/:name',
];

it.each<[method: string, url: string, meant?: string]>([
  ['GET', '/a/orders/o/1', '/a/orders/o%2F1'],
  ['HEAD', '/a/orders/o/1/2/?b=/c', '/a/orders/o%2F1%2F2?b=/c'],
  ['GET', '/a/orders/o/1/result', '/a/orders/o%2F1/result'],
  ['POST', '/a/orders/o/1/cancel?wait=1/2', '/a/orders/o%2F1/cancel?wait=1/2'],
  ['POST', '/a/orders/o/1/webhooks/done/replay', '/a/orders/o%2F1/webhooks/done/replay'],
  ['GET', '/a/models/x/y/z', '/a/models/x%2Fy%2Fz'],
  ['POST', '/a/models/x/y/z/check', '/a/models/x%2Fy%2Fz/check'],
  // A word that may end a key belongs to the path; percent-encoded it is the key's.
  ['GET', '/a/orders/o/result'],
  ['GET', '/a/orders/o/1/result/result', '/a/orders/o%2F1%2Fresult/result'],
  ['GET', '/a/orders/o%2Fresult'],
  // Ways up are part of a key, and nothing is decoded.
  ['GET', '/a/orders/../b/x', '/a/orders/..%2Fb%2Fx'],
  ['GET', '/a/orders/%2e%2e/b%252Fx/%zz', '/a/orders/%2e%2e%2Fb%252Fx%2F%zz'],
  ['GET', '/a/orders//o', '/a/orders/%2Fo'],
  // No key, no word that is known, or nothing that has keys.
  ['GET', '/a/orders/'],
  ['GET', '/a/orders//'],
  ['GET', '/a/orders//result'],
  ['POST', '/a/orders/o/1/cancle'],
  ['GET', '/a/of/b/c'],
  ['GET', '/b/a/orders/o/1'],
])('%s %s means %s', (method, url, meant = url) => {
  const keys = createRawKeys();
  for (const route of all) keys.learn(route);
  expect(keys.toPath({ method, url })).toBe(meant);
});
