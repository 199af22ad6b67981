import { resolve } from 'node:path';
import { GenerationError } from '../../client/index.ts';
import { CliError } from '../cli-error.ts';
import type { CommandContext } from '../command-context.ts';
import { confirm, isPersonAt } from '../confirm.ts';
import { defineCommand } from '../define-command.ts';
import { demoClipPrice, makeDemoClip } from '../dev-server/demo-clip.ts';
import { type DevStack, startDevStack, variablesOf } from '../dev-server/stack.ts';
import { exitCodes } from '../exit-codes.ts';
import { gatewayAddresses, gatewayLines } from '../gateway-addresses.ts';
import { catchInterrupts, type Interrupts } from '../interrupts.ts';
import { shellQuote } from '../shell-quote.ts';

interface DevOptions {
  clip: boolean;
  once?: boolean;
  live?: boolean;
  yes?: boolean;
  data?: string;
}

/** `dev`: a local Temporal, a simulated RunComfy, a worker and a gateway, for trying things out and for development. */
export const addDev = defineCommand<DevOptions>({
  signature: 'dev',
  summary:
    'Run a local Temporal server, a simulated RunComfy, a worker and a gateway until Ctrl-C, make one clip, and print the variables for a second terminal.',
  examples: [
    'runcomfy-temporal dev',
    'runcomfy-temporal dev --no-clip --output json   # one line with the variables, then it serves',
    'runcomfy-temporal dev --live                    # the real API with your token: the clip costs money, and is asked for',
  ],
  set: (command) =>
    command
      .option('--no-clip', 'order nothing')
      .option('--once', 'end after the clip, and keep no data')
      .option('--data <dir>', 'keep the data here instead of beside the program')
      .option('--live', 'the real RunComfy instead of the simulator; needs the token')
      .option('--yes', 'with --live: agree to what the clip costs'),
  act: async (context, _args, { clip, once: isOnce = false, live: isLive = false, yes = false, data }) => {
    if (isOnce && !clip) throw new CliError('Usage', '--once ends after the clip, which --no-clip leaves out');
    if (isOnce && data !== undefined) throw new CliError('Usage', '--once keeps no data, so --data goes without it');
    const { printer } = context;
    const config = context.config();
    const say = (line: string) => {
      if (printer.format === 'json') printer.note(line);
      else printer.printLine({}, () => line);
    };
    if (isLive) await agreeToLive(context, { clip, yes }, say);
    // Caught from the start, so that no data of `--once` and no uncancelled clip is left behind, however it is ended.
    const interrupts = catchInterrupts();
    const stop = new AbortController();
    try {
      const stopStart = () => {
        say('stopping …');
        stop.abort(stoppedBeforeOrder());
      };
      interrupts.answer({ onFirst: stopStart, onDetach: stopStart });
      const dataDir = data && resolve(data);
      const stack = await startDevStack({ config, isLive, isKept: !isOnce, dataDir, say, signal: stop.signal });
      try {
        if (clip) await makeDemoClip(stack, say, { interrupts, signal: stop.signal });
        if (!isOnce) await stayUp(stack, context, interrupts);
      } finally {
        // Nothing is left to handle. Another Ctrl-C, at least half a second later, ends the process at once.
        interrupts.stop();
        await stack.stop();
      }
    } catch (error) {
      // Nothing was to be ordered, so stopping early is what the person wanted.
      if (clip || !stop.signal.aborted || error !== stop.signal.reason) throw error;
    } finally {
      interrupts.stop();
    }
    return exitCodes.done;
  },
});

async function agreeToLive(
  { config, streams }: CommandContext,
  { clip, yes }: { clip: boolean; yes: boolean },
  say: (line: string) => void,
): Promise<void> {
  const { isCi, hasToken } = config();
  const refuse = (sentence: string): never => {
    throw new CliError('Usage', sentence);
  };
  if (clip) {
    const { model, usd } = await demoClipPrice();
    say(`--live orders one ${model} from RunComfy on your account: about $${usd.toFixed(2)} by its published prices.`);
  }
  if (isCi) refuse('--live never runs in CI');
  if (!hasToken)
    refuse('no token is set: put it into RUNCOMFY_API_TOKEN, or the path of its file into RUNCOMFY_API_TOKEN_FILE');
  if (yes || !clip) return;
  if (!isPersonAt(streams)) refuse('not on a terminal: add --yes to agree to the cost, or --no-clip');
  if (!(await confirm(streams, 'Order it?'))) refuse('nothing was ordered');
}

function stoppedBeforeOrder(): GenerationError {
  return new GenerationError({ type: 'GenerationCancelled', message: 'stopped before anything was ordered', key: '' });
}

async function stayUp(stack: DevStack, { printer }: CommandContext, interrupts: Interrupts): Promise<void> {
  const environment = variablesOf(stack);
  const { uiUrl, simulator, gatewayUrl: url } = stack;
  const exports = Object.entries(environment).map(([name, value]) => `  export ${name}=${shellQuote(value)}`);
  printer.printLine(
    {
      environment,
      ...(uiUrl !== undefined && { uiUrl }),
      ...(simulator && { simulatorUrl: simulator.url }),
      gateway: { url, ...gatewayAddresses(url) },
    },
    () =>
      [
        '',
        'Staying up until Ctrl-C. In another terminal:',
        ...exports,
        '  runcomfy-temporal list          # bin/runcomfy-temporal in a clone',
        ...(uiUrl === undefined ? [] : [`  open ${uiUrl}`]),
        ...(simulator ? [`  curl -s ${simulator.url}/__sim/ledger`] : []),
        "For RunComfy's own clients and other services, the gateway:",
        ...gatewayLines(url).map((line) => `  ${line}`),
      ].join('\n'),
  );
  await new Promise<void>((done) => {
    interrupts.answer({ onFirst: done, onDetach: done });
  });
}
