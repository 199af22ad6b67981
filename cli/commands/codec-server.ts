import { serveCodec } from '../../codec/index.ts';
import { loadPayloadCodec } from '../../setup/payload-codec.ts';
import { stopAsked } from '../../setup/stop-signals.ts';
import { CliError, failedToStart } from '../cli-error.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parsePort } from '../options/option-parsers.ts';
import { readText, type StandardInput, standardInputOf } from '../read-text.ts';

interface CodecServerCommandOptions {
  port: number;
  host: string;
  uiOrigin?: string;
  tokenFile?: string;
}

/** `codec-server`: shows encrypted payloads to Temporal's UI. */
export const addCodecServer = defineCommand<CodecServerCommandOptions>({
  signature: 'codec-server',
  summary: "Encrypt and decrypt payloads for Temporal's UI and command line until Ctrl-C.",
  examples: [
    'RUNCOMFY_CODEC_KEYS_FILE=keys.json runcomfy-temporal codec-server --ui-origin http://localhost:8233',
    'temporal workflow show --workflow-id KEY --codec-endpoint http://127.0.0.1:8088',
  ],
  set: (command) =>
    command
      .option('--port <number>', '0: any free port', parsePort, 8088)
      .option('--host <address>', 'anything but loopback needs --token-file', '127.0.0.1')
      .option('--ui-origin <origin>', 'the one web origin whose pages may ask')
      .option('--token-file <path>', 'file with the bearer token that every caller must send'),
  act: async ({ printer, config, streams }, _args, { port, host, uiOrigin, tokenFile }) => {
    const codec = await loadPayloadCodec(config());
    if (codec === undefined) {
      throw new CliError('Configuration', 'no keys: name their file in RUNCOMFY_CODEC_KEYS_FILE');
    }
    const server = await serveCodec({
      codec,
      port,
      host,
      ...(uiOrigin !== undefined && { uiOrigin }),
      ...(tokenFile !== undefined && {
        bearerToken: await readToken(tokenFile, standardInputOf({ printer, streams })),
      }),
    }).catch((error: unknown) => {
      throw failedToStart('the codec server', error);
    });
    printer.printLine({ url: server.url }, () => `codec server on ${server.url}`);
    await stopAsked();
    await server.close();
    return exitCodes.done;
  },
});

async function readToken(file: string, standardInput: StandardInput): Promise<string> {
  const token = (await readText(file, 'the token file', standardInput)).trim();
  if (token === '') throw new CliError('Configuration', `the token file ${file} is empty`);
  return token;
}
