import { type EmbeddedServer, startEmbeddedServer } from '../../cli/dev-server/server.ts';
import { findTemporalBinary } from '../../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../../config/env.ts';
import { searchAttributes } from '../../domain/names.ts';
import { hangMs } from './patience.ts';
import { freePort } from './processes.ts';

/**
 * Starts a dev server of the test's own, for what the shared one must not be put through. Its port stays free after it
 * was killed.
 */
export async function startOwnServer(
  options: { dbFile?: string; port?: number; dynamicConfig?: string[] } = {},
): Promise<EmbeddedServer> {
  const { dynamicConfig = [], port = await freePort(), ...rest } = options;
  const { path } = await findTemporalBinary({ cliPath: readConfig().temporalCliPath, onNote: () => undefined });
  return await startEmbeddedServer({
    ...rest,
    port,
    cliPath: path,
    uiPort: false,
    startTimeoutMs: hangMs,
    searchAttributes,
    extraArgs: ['history.timerProcessorMaxTimeShift="1ms"', ...dynamicConfig].flatMap((value) => [
      '--dynamic-config-value',
      value,
    ]),
  });
}
