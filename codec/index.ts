export { createEncryptionCodec, EncryptionError } from './encryption-codec.ts';
export type { EncryptionKeys } from './encryption-codec.ts';
export { serveCodec } from './codec-server.ts';
export type { CodecServer, CodecServerOptions } from './codec-server.ts';
export { withWorkerCodecs } from './worker-codec.ts';
