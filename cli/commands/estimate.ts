import { InvalidArgumentError } from 'commander';
import { sumUp } from '../../domain/estimate.ts';
import { estimateModel } from '../../plans/estimate.ts';
import { catalogueOf } from '../catalogue.ts';
import { defineCommand } from '../define-command.ts';
import { addInputOptions } from '../download/deliver.ts';
import { exitCodes } from '../exit-codes.ts';
import { parseCount } from '../options/option-parsers.ts';
import { prettyEstimate } from '../printing/estimate-table.ts';
import { type InputSource, readInput } from '../read-input.ts';
import { checkModelId } from './model.ts';

interface EstimateFlags extends InputSource {
  count?: number;
}

/** `estimate MODEL`: the expected cost of orders with one input. */
export const addEstimate = defineCommand<EstimateFlags>({
  signature: 'estimate <model>',
  summary: 'Show what an input is expected to cost, and send nothing: bundled models offline, others with a token.',
  examples: [
    'runcomfy-temporal estimate kling/kling-3.0/standard/image-to-video --input-file clip.json',
    'runcomfy-temporal estimate kling/kling-3.0/standard/image-to-video --input \'{"duration": 10}\' --count 500',
  ],
  set: (command) => {
    addInputOptions(command);
    command.option('--count <count>', 'so many orders of it; default 1', countUpTo(1_000_000));
  },
  act: async ({ config, printer, streams }, [model = ''], { count = 1, ...source }) => {
    checkModelId(model);
    const input = (await readInput(source, streams.stdin, printer.note)) ?? {};
    const { line, balanceUsd } = await catalogueOf(config, async ({ lookup, balanceUsd: balance }) => ({
      line: await estimateModel(model, input, { ...lookup, count }),
      balanceUsd: await balance(),
    }));
    const estimate = sumUp([line], balanceUsd);
    printer.print(estimate, () => prettyEstimate(estimate));
    return exitCodes.done;
  },
});

function countUpTo(max: number): (text: string) => number {
  return (text) => {
    const count = parseCount(text);
    if (count > max) throw new InvalidArgumentError(`Expected at most ${String(max)}.`);
    return count;
  };
}
