import type { FailureType } from '../domain/failure-type.ts';
import type { Endpoint } from './endpoints.ts';
import type { ErrorBody } from './schemas/error-body.ts';

/**
 * The HTTP status that a reply stands for. RunComfy's codes begin with it (404001), but some such errors arrive as HTTP
 * 200 or 400. 0 for a 2xx reply whose code says nothing about it.
 */
export function meantStatus(httpStatus: number, code: number | string | undefined): number {
  const isGeneric = httpStatus < 300 || httpStatus === 400;
  if (!isGeneric) return httpStatus;
  if (code === 10001) return 402;
  if (code === 10002 || code === 10003) return 400;
  const codeClass = typeof code === 'number' ? Number(String(code).slice(0, 3)) : 0;
  const isClassed = /^\d{3}(\d{3})?$/.test(String(code)) && codeClass >= 400 && codeClass < 600;
  if (isClassed) return codeClass;
  return httpStatus < 300 ? 0 : httpStatus;
}

/** The failure type of an error reply whose meaning, by `meantStatus`, is `status`. */
export function typeOf(endpoint: Endpoint, status: number, { code, isFromApplication }: ErrorBody): FailureType {
  const isAboutRequest = endpoint === 'status' || endpoint === 'result' || endpoint === 'cancel';
  if (status === 400 && code === 400002) return 'InsufficientBalance';
  if (status === 400 && code === 400004) return 'Unauthenticated';
  if (status === 400 && code === 400001) return isAboutRequest ? 'RequestNotFound' : 'InvalidInput';
  switch (status) {
    case 401:
    case 403:
      return 'Unauthenticated';
    case 402:
      return 'InsufficientBalance';
    case 404:
    case 410:
      if (!isAboutRequest) return 'InvalidInput';
      // Only RunComfy's application knows which requests exist; a misrouting gateway answers 404 as well.
      return isFromApplication ? 'RequestNotFound' : 'ServiceUnavailable';
    case 408:
    case 425:
      return 'ServiceUnavailable';
    case 429:
      return 'RateLimited';
  }
  if (status < 400 || status >= 500) return 'ServiceUnavailable';
  // A gateway's own 4xx says nothing about the request that RunComfy works on.
  return isAboutRequest && !isFromApplication ? 'ServiceUnavailable' : 'InvalidInput';
}
