import type { KnownPipelineState, KnownState, StepState } from '../../../client/index.ts';
import { ownCommand } from '../../own-command.ts';
import { wallWants } from '../../printing/pretty-state.ts';
import type { Printer } from '../../printing/printer.ts';
import type { ProgressRow } from '../../printing/progress-rows.ts';
import { decisionWords } from '../../unknown-submission.ts';
import { pipelineRows } from './pipeline-rows.ts';

const redrawEveryMs = 1_000;

/**
 * Live progress of a pipeline: a row for it and one for each step. Anything that needs a person is said once, in words.
 */
export interface PipelineProgress {
  show: (state: KnownPipelineState) => void;
  stop: () => void;
}

/** Shows states as they arrive, and updates the elapsed time in between. `tell` shows the rows. */
export function createPipelineProgress(
  key: string,
  printer: Printer,
  tell: (rows: ProgressRow[]) => void = printer.progressRows,
): PipelineProgress {
  const since = Date.now();
  const told = new Set<string>();
  let last: KnownPipelineState | undefined;
  const draw = () => {
    if (last) tell(pipelineRows(last, { elapsedMs: Date.now() - since }));
  };
  const redraw = setInterval(draw, redrawEveryMs);
  return {
    show(state) {
      last = state;
      for (const [id, sentence] of callsForPeople(state, key)) {
        if (told.has(id)) continue;
        told.add(id);
        printer.note(sentence);
      }
      draw();
    },
    stop() {
      clearInterval(redraw);
      last = undefined;
    },
  };
}

/** What only a person can settle, as sentences with an id, so that each is said once. */
function* callsForPeople({ steps, orders = {} }: KnownPipelineState, key: string): Generator<[string, string]> {
  for (const step of steps) {
    const { id } = step;
    if (step.phase === 'awaiting_decision') {
      const shown = ownCommand('pipeline status', key);
      const decides = ownCommand('pipeline approve', key, id);
      yield [`decide ${id}`, `step ${id} awaits a decision: \`${shown}\` shows the choices, \`${decides}\` decides`];
    }
    for (const order of ordersOf(step)) {
      const state = orders[order];
      const call = state && callOf(id, order, state);
      if (call !== undefined) yield call;
    }
  }
}

function callOf(step: string, key: string, { phase, evidence, wall }: KnownState): [string, string] | undefined {
  if (phase === 'submission_unknown') {
    const sentence = `step ${step}: it is unknown whether RunComfy accepted ${key}, so it is held. ${decisionWords(key, evidence)}`;
    return [`unknown ${key}`, sentence];
  }
  if (!wall) return undefined;
  return [`wall ${wall.type}`, `step ${step} waits for ${wallWants[wall.type]}: ${wall.message}`];
}

function ordersOf({ key, items }: StepState): string[] {
  return (items ?? [{ key }]).flatMap((order) => order.key ?? []);
}
