import { Option } from 'commander';
import { withoutUndefined } from '../../domain/json.ts';
import { stopAsked } from '../../setup/stop-signals.ts';
import { failedToStart } from '../cli-error.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';
import { parsePort, parsePositive, parseWhole } from '../options/option-parsers.ts';

interface SimulatorCommandOptions {
  port: number;
  host: string;
  seed?: number;
  speed?: number;
  scenario?: string;
  state?: string;
  publicBase?: string;
}

/** `simulator`: a local RunComfy with faults and a ledger. */
export const addSimulator = defineCommand<SimulatorCommandOptions>({
  signature: 'simulator',
  summary:
    'Serve a local RunComfy with faults and a billing ledger until Ctrl-C. Tokens that start with sim- are valid.',
  examples: [
    'runcomfy-temporal simulator --scenario demo',
    'RUNCOMFY_MODEL_API_BASE=http://127.0.0.1:7788/v1 RUNCOMFY_API_TOKEN=sim-me runcomfy-temporal worker',
    'curl -s http://127.0.0.1:7788/__sim/ledger',
  ],
  set: (command) =>
    command
      .addOption(new Option('--port <number>', '0: any free port').argParser(parsePort).default(7788))
      .option('--host <address>', 'anything but loopback lets others use it, control API included', '127.0.0.1')
      .addOption(
        new Option('--seed <number>', 'ids, times and probabilities repeat with the same seed').argParser(parseWhole),
      )
      .addOption(new Option('--speed <factor>', '10: everything takes a tenth of the time').argParser(parsePositive))
      .option('--scenario <name>', 'a named state of the service, such as demo, quick or lost-reply')
      .option('--state <file>', 'keep jobs and ledger in this file across restarts')
      .option('--public-base <url>', 'origin of the URLs in its replies; default: the one that it was asked under'),
  act: async ({ printer }, _args, { port, host, seed, speed, scenario, state, publicBase }) => {
    // Loaded on demand, like the worker.
    const { fidelityStatement, startSimulator } = await import('../../simulator/index.ts');
    const simulator = await startSimulator({
      port,
      host,
      ...withoutUndefined({ seed, speed, scenario, stateFile: state }),
      ...(publicBase !== undefined && { switches: { public_base: publicBase } }),
    }).catch((error: unknown) => {
      throw failedToStart('the simulator', error);
    });
    printer.note(fidelityStatement(simulator.switches()));
    const { url, modelApiBase, serverlessApiBase } = simulator;
    const document = { url, modelApiBase, serverlessApiBase };
    printer.printLine(
      document,
      () =>
        `simulator on ${url}\nRUNCOMFY_MODEL_API_BASE=${modelApiBase}\nRUNCOMFY_SERVERLESS_API_BASE=${serverlessApiBase}`,
    );
    await stopAsked();
    await simulator.close();
    return exitCodes.done;
  },
});
