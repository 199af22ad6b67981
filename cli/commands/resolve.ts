import type { SubmissionResolution } from '../../domain/generation.ts';
import { CliError } from '../cli-error.ts';
import { defineCommand } from '../define-command.ts';
import { exitCodes } from '../exit-codes.ts';

interface ResolveOptions {
  adopt?: string;
  resubmit?: boolean;
  abandon?: boolean;
}

/** `resolve KEY`: decides about an unknown submission. */
export const addResolve = defineCommand<ResolveOptions>({
  signature: 'resolve <key>',
  summary: 'Decide about a generation whose submission is unknown (phase submission_unknown).',
  examples: [
    'runcomfy-temporal resolve order-4711 --adopt 7f9c…   # the request is there: go on with it',
    'runcomfy-temporal resolve order-4711 --resubmit      # send it again: possibly a second bill',
    'runcomfy-temporal resolve order-4711 --abandon       # end it as SubmitOutcomeUnknown',
  ],
  set: (command) =>
    command
      .option('--adopt <request-id>', 'go on with this RunComfy request')
      .option('--resubmit', 'send the order again; if the first was accepted, both are billed')
      .option('--abandon', 'end the generation as SubmitOutcomeUnknown'),
  act: ({ printer, withTemporal }, [key = ''], options) => {
    const resolution = toResolution(options);
    return withTemporal(async ({ generations }) => {
      const reply = await (await generations.get(key)).resolveSubmission(resolution);
      const { phase, requestId, failure } = reply;
      const words = [
        `phase ${phase}`,
        failure === undefined ? [] : `ended as ${failure}`,
        requestId === undefined ? [] : `request ${requestId}`,
      ];
      printer.print(reply, () => words.flat().join(', '));
      return exitCodes.done;
    });
  },
});

function toResolution({ adopt, resubmit, abandon }: ResolveOptions): SubmissionResolution {
  const chosen: SubmissionResolution[] = [];
  if (adopt !== undefined) chosen.push({ action: 'adopt', requestId: adopt });
  if (resubmit) chosen.push({ action: 'resubmit' });
  if (abandon) chosen.push({ action: 'abandon' });
  const [resolution] = chosen;
  if (resolution === undefined || chosen.length > 1) {
    throw new CliError('Usage', 'choose one of --adopt REQUEST_ID, --resubmit and --abandon');
  }
  return resolution;
}
