import type { FastifyRequest } from 'fastify';
import { RefusalError } from './refusal-error.ts';

/** A request header that may appear only once; undefined if it is missing. */
export function singleHeader({ raw }: FastifyRequest, name: string): string | undefined {
  const values = raw.headersDistinct[name.toLowerCase()] ?? [];
  if (values.length > 1) throw new RefusalError('MalformedRequest', `${name} stands there twice: send it once`);
  return values[0];
}
