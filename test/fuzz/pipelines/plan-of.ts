import { flux } from '../../support/simulator-client.ts';
import { priceUsd } from './provider.ts';
import type { PipelineScript, StepScript } from './script.ts';

export const idOf = (position: number) => `s${String(position)}`;

/** The plan of a script, as somebody would write it; edits are those of all runs so far. */
export function planOf(
  { steps }: PipelineScript,
  edits: ReadonlyMap<number, number>,
  { name = '', deadline = '40s' }: { name?: string; deadline?: string } = {},
) {
  return {
    version: 1,
    params: { wanted: { type: 'boolean', default: true } },
    steps: Object.fromEntries(
      steps.map((step, position) => [
        idOf(position),
        stepOf(steps, step, position, { edition: edits.get(position) ?? 0, name, deadline }),
      ]),
    ),
  };
}

interface Edition {
  edition: number;
  name: string;
  deadline: string;
}

function stepOf(steps: StepScript[], step: StepScript, position: number, { edition, name, deadline }: Edition) {
  const common = {
    ...(step.sources.length > 0 && { needs: step.sources.map(idOf) }),
    ...(step.isWanted !== undefined && { if: step.isWanted ? 'params.wanted' : '!params.wanted' }),
    runsWhen: step.runsWhen,
  };
  const rule = step.onFailure;
  if (step.kind === 'approval') {
    const source = step.sources.find((each) => steps[each]?.kind === 'model');
    return {
      ...common,
      approval: {
        choose: source === undefined ? ['a', 'b', String(edition)] : `\${{ steps.${idOf(source)}.images }}`,
        deadline,
        onDeadline: step.onDeadline,
      },
      onFailure: rule,
    };
  }
  const order = {
    model: flux,
    maxPriceUsd: priceUsd,
    input: { prompt: `${name}${promptOf(steps, step, position, edition)}`, seed: position },
  };
  const fallback = Array.from({ length: step.fallbacks }, (_, rank) => ({
    ...order,
    input: { ...order.input, prompt: `${order.input.prompt} fallback ${String(rank)}` },
  }));
  return {
    ...common,
    ...order,
    ...(forEachOf(steps, step) !== undefined && { forEach: forEachOf(steps, step), maxParallel: step.maxParallel }),
    attempts: step.attempts,
    mayPayTwice: step.mayPayTwice,
    queueDeadline: '20s',
    onFailure: fallback.length === 0 ? rule : { fallback, then: rule },
  };
}

function forEachOf(steps: StepScript[], { items, sources }: StepScript): string[] | string | undefined {
  if (items !== 'files') return items;
  const source = sources.find((each) => steps[each]?.kind === 'model');
  return source === undefined ? undefined : `\${{ steps.${idOf(source)}.images }}`;
}

function promptOf(steps: StepScript[], step: StepScript, position: number, edition: number): string {
  const item = forEachOf(steps, step) === undefined ? '' : ' ${{ item }}';
  const read = step.sources.map((source) => {
    if (step.reads === 'needs') return '';
    const isApproval = steps[source]?.kind === 'approval';
    if (step.reads === 'first') return ` \${{ steps.${idOf(source)}.${isApproval ? 'choice' : 'images[0]'} }}`;
    return isApproval ? '' : ` \${{ size(steps.${idOf(source)}.images) }}`;
  });
  return `${idOf(position)} edition ${String(edition)}${item}${read.join('')}`;
}
