import { CliError } from './cli-error.ts';

const reasonsByCode: Record<string, string> = {
  UND_ERR_HEADERS_TIMEOUT: 'the server fell silent',
  UND_ERR_BODY_TIMEOUT: 'the server fell silent',
  UND_ERR_CONNECT_TIMEOUT: 'the server cannot be reached',
  ECONNREFUSED: 'the server cannot be reached',
  ENOTFOUND: 'the server cannot be reached',
  UND_ERR_SOCKET: 'the connection broke',
  ECONNRESET: 'the connection broke',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'it may grow no larger',
  EIO: 'the disk fails',
  EPIPE: 'nobody reads it any more',
  EACCES: 'no permission to write',
  EROFS: 'it cannot be written to',
  EISDIR: 'it is a folder',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'it is no folder',
  EEXIST: 'it is no folder',
  Z_BUF_ERROR: 'it broke off',
  Z_DATA_ERROR: 'it is not encoded as the server says',
};

/** The code of a system error, or the thrown value as text. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** Why a file could not be downloaded or written, in our own words: others' messages may quote the URL. */
export function fileReason(error: unknown): string {
  if (error instanceof CliError) return error.message;
  if (!(error instanceof Error)) return 'unknown reason';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return reasonsByCode[code] ?? code;
}
