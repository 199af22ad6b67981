export { createEncryptionCodec, EncryptionError, type EncryptionKeys } from './encryption-codec.ts';
export { type CodecServer, type CodecServerOptions, serveCodec } from './codec-server.ts';
export { withWorkerCodecs } from './worker-codec.ts';
