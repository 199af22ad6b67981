import { ServiceError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { grpcReasonOf } from '../../../domain/grpc-reason.ts';

const ofGrpc = (details: string) => Object.assign(new Error('5 NOT_FOUND: all of it'), { code: 5, details });

describe('the reason of a failed gRPC call', () => {
  it('is what the server says, beneath whatever wraps it', () => {
    expect(grpcReasonOf(ofGrpc('namespace n not found'))).toBe('namespace n not found');
    const wrapped = new ServiceError('Failed to query Workflow', { cause: ofGrpc('namespace n not found') });
    expect(grpcReasonOf(wrapped)).toBe('namespace n not found');
  });

  it('is the message where the server gave no reason, and of any other error', () => {
    expect(grpcReasonOf(ofGrpc(''))).toBe('5 NOT_FOUND: all of it');
    expect(grpcReasonOf(new ServiceError('no answer'))).toBe('no answer');
    expect(grpcReasonOf(Object.assign(new Error('m'), { details: [{ submission: 'unknown' }] }))).toBe('m');
    expect(grpcReasonOf('thrown')).toBe('thrown');
  });
});
