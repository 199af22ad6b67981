import { Command, CommanderError } from 'commander';
import { type CommandContext, createContext } from './command-context.ts';
import { addBalance } from './commands/balance.ts';
import { addBatch } from './commands/batch/index.ts';
import { addBudget } from './commands/budget/index.ts';
import { addCancel } from './commands/cancel.ts';
import { addCodecServer } from './commands/codec-server.ts';
import { addCosts } from './commands/costs.ts';
import { addDev } from './commands/dev.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEstimate } from './commands/estimate.ts';
import { addGateway } from './commands/gateway.ts';
import { addGenerate } from './commands/generate.ts';
import { addKeys } from './commands/keys.ts';
import { addList } from './commands/list.ts';
import { addModel } from './commands/model.ts';
import { addModels } from './commands/models.ts';
import { addOpenapi } from './commands/openapi.ts';
import { addPipeline } from './commands/pipeline/index.ts';
import { addResolve } from './commands/resolve.ts';
import { addResult } from './commands/result.ts';
import { addSchedule } from './commands/schedule/index.ts';
import { addSchema } from './commands/schema.ts';
import { addSimulator } from './commands/simulator.ts';
import { addStatus } from './commands/status.ts';
import { addSubmits } from './commands/submits.ts';
import { addValidate } from './commands/validate.ts';
import { addWatch } from './commands/watch.ts';
import { addWebhooks } from './commands/webhooks.ts';
import { addWorker } from './commands/worker.ts';
import type { CommandRunner } from './define-command.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { readManifest } from './manifest.ts';
import { createPrinter, type OutputFormat, type Printer, type Streams } from './printing/printer.ts';
import { refuseBrokenText } from './read-text.ts';
import { watchStreams } from './stream-watch.ts';
import { toUsageError } from './usage-error.ts';

const commands = [
  addGenerate,
  addStatus,
  addResult,
  addCancel,
  addWatch,
  addList,
  addCosts,
  addResolve,
  addValidate,
  addEstimate,
  addPipeline,
  addBudget,
  addBatch,
  addSchedule,
  addModels,
  addModel,
  addBalance,
  addDev,
  addWorker,
  addGateway,
  addOpenapi,
  addSchema,
  addKeys,
  addWebhooks,
  addSimulator,
  addCodecServer,
  addSubmits,
  addDoctor,
];

const exitCodeHelp = `
Exit codes:
  0 done · 1 failed or cancelled · 2 partial · 64 usage · 65 bad input, or key used with another input
  66 missing file or unknown key · 69 service, Temporal or worker not available, or balance too low
  74 a file or standard output took not all of it · 75 timed out, rate limited, submission unknown or still running
  77 not authorised · 78 configuration`;

/** Runs one command line (without interpreter and script) and returns the exit code. */
export async function runCli(argv: string[], streams: Streams = process): Promise<ExitCode> {
  const watched = watchStreams(streams);
  let ran: CommandContext | undefined;
  let exitCode: ExitCode = exitCodes.done;
  const run: CommandRunner = async (format, work) => {
    const context = createContext(streams, format, { argv, outputGone: watched.outputGone });
    ran = context;
    try {
      exitCode = await work(context);
    } catch (error) {
      context.printer.endProgress();
      exitCode = context.printer.fail(error, context.followed);
    }
  };
  const program = createProgram(run, streams);
  let printer: Printer | undefined;
  try {
    refuseBrokenText(argv);
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    const isHelp = error instanceof CommanderError && error.exitCode === 0;
    printer = createPrinter(streams, formatAskedFor(argv));
    if (!isHelp) exitCode = printer.fail(error instanceof CommanderError ? toUsageError(error) : error);
  }
  const fault = await watched.settle();
  if (fault === undefined) return exitCode;
  (printer ?? ran?.printer ?? createPrinter(streams)).tellLost(fault, ran?.followed);
  return exitCode === exitCodes.done ? exitCodes.outputLost : exitCode;
}

function createProgram(run: CommandRunner, { stdout }: Streams): Command {
  const program = new Command('runcomfy-temporal')
    .description(
      'RunComfy media generations as durable Temporal workflows: submitted once, awaited, cancelled honestly.',
    )
    .version(readManifest().version)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void stdout.write(text),
      // Usage errors are printed once, by the same printer as all other failures.
      writeErr: () => undefined,
    })
    .addHelpText('after', exitCodeHelp);
  for (const add of commands) add(program, run);
  return program;
}

/** The format that an invalid command line asked for, found without parsing it. */
function formatAskedFor(argv: string[]): OutputFormat | undefined {
  const at = argv.indexOf('--output');
  const word =
    at >= 0 ? argv[at + 1] : argv.find((argument) => argument.startsWith('--output='))?.slice('--output='.length);
  return word === 'json' || word === 'pretty' ? word : undefined;
}
