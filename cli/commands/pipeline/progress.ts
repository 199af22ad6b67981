import type { KnownPipelineState, KnownState, StepState } from '../../../client/index.ts';
import { ownCommand } from '../../own-command.ts';
import { wallWants } from '../../printing/pretty-state.ts';
import type { Printer } from '../../printing/printer.ts';
import type { ProgressRow } from '../../printing/progress-rows.ts';
import { decisionWords } from '../../unknown-submission.ts';
import { pipelineRows } from './pipeline-rows.ts';

const redrawEveryMs = 1_000;

/** Live progress of a pipeline: a row for it and one for each step, and once in words what a person has to do. */
export interface PipelineProgress {
  show: (state: KnownPipelineState) => void;
  stop: () => void;
}

/** Shows states as they come, and lets the clock go on between them. `tell` is what is done with the rows. */
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

/** What nobody but a person can settle, by what it is told for. */
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
