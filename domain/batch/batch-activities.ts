import type { CancelOutcome } from '../generation.ts';
import type { Labels } from '../labels.ts';
import type { ItemRange, PageOfItems } from './batch-page.ts';
import type { BatchItem, BatchItemDefaults, BatchLine, PauseReason } from './batch.ts';

/** An item in flight. */
export interface OpenItem {
  /** Its index in the batch, from 0. */
  index: number;
  /** Expected price in micro-dollars, where it is known. */
  price?: number;
  /** Its order was made before by somebody else. */
  attached?: true;
  /** Its order was made for another item of this batch, which counts its cost. */
  isRepeat?: true;
  /** What became of its cancel. */
  cancel?: CancelOutcome;
}

/** What identifies a batch to its activities. */
export interface BatchIdentity {
  key: string;
  /** First run of the batch's chain: tells its own orders from those of others. */
  firstRunId: string;
}

/** Result lines that are written as the page of this number. */
export interface LinesToWrite {
  page: number;
  lines: BatchLine[];
}

/** What activity `runWindow` is asked: all that it knows. */
export interface WindowQuestion extends BatchIdentity {
  /** Items are pipelines of this plan. */
  plan?: object;
  defaults: BatchItemDefaults;
  budgets?: string[];
  /** The batch's labels: what it orders carries them as well. */
  labels?: Labels;
  /** Who goes first: what it orders takes its turns as the batch would. */
  priority?: Precedence;
  /** Where those items lie that this window can come to. */
  pages: ItemRange[];
  /** How many items there are. */
  total: number;
  open: OpenItem[];
  /** Started before and given back: first in line. */
  givenBack: number[];
  /** In micro-dollars: what items that are given back, or were, have cost so far, and was counted. */
  paid?: PaidItems;
  /** What of `paid` nobody has stated. */
  presumedPaid?: PaidItems;
  /** Index of the first item that was never started. */
  cursor: number;
  window: number;
  /** False: what is open is followed, and nothing started. */
  mayStart: boolean;
  /** What a lost window may have started, where nothing may be started now: what it has is followed as well. */
  doubtful?: number[];
  /** Failures in a row so far, and the number that stops; 0: never. */
  failuresInARow: number;
  pauseAfterFailures: number;
  /** In micro-dollars: spent or presumed spent, and the limit. */
  spent: number;
  maxCost?: number;
  /** At most so long, milliseconds. */
  lastsMs: number;
  /** Lines of earlier windows that make a page. */
  write: LinesToWrite[];
  /** What is open at the end of the window gets its line all the same. */
  isLetGo?: boolean;
}

/** Temporal's priority, as far as a batch was started with one. */
export interface Precedence {
  priorityKey?: number;
  fairnessKey?: string;
  fairnessWeight?: number;
}

/** Micro-dollars by the index of an item. */
export type PaidItems = Record<string, number>;

/** An item that has ended. */
export interface EndedItem {
  index: number;
  line: BatchLine;
  /** In micro-dollars: what it has cost, or is presumed to. */
  cost: number;
  presumed?: true;
  /** What of a presumed cost is known. */
  known?: number;
  /** Its price was not known. */
  unpriced?: true;
}

/** Why a window starts nothing more. */
export interface WindowStop {
  reason: PauseReason;
  message: string;
}

/** What came of a window. */
export interface WindowAnswer {
  ended: EndedItem[];
  open: OpenItem[];
  givenBack: number[];
  /** As in the question, where there is anything to tell. */
  paid?: PaidItems;
  presumedPaid?: PaidItems;
  /** In micro-dollars: what items have cost before they were given back, and what of it nobody has stated. */
  paidMore?: number;
  presumedMore?: number;
  cursor: number;
  stop?: WindowStop;
  /**
   * Told where it was asked for what is doubtful: it went back before all of that had been looked for. Missing: its worker,
   * of an earlier version, looked for nothing.
   */
  isInDoubt?: boolean;
  /** No attempt before it was lost: what it tells is all that was started. */
  isFirstAttempt: boolean;
}

/** What activity `storeItems` is asked: items to be kept as pages after those that there are. */
export interface StoreQuestion {
  key: string;
  /** Missing: those of the page, which somebody has written already. */
  items?: BatchItem[];
  /** Digest of the pages before. */
  after: string;
  /** Number and first index of the first page. */
  page: number;
  from: number;
  /** Only tells what the pages would be. */
  isCheck?: boolean;
}

/** What activity `cancelItems` is asked. */
export interface CancelItemsQuestion extends BatchIdentity {
  pages: ItemRange[];
  /** Items are pipelines, */
  hasPlan?: true;
  /** of this plan. */
  plan?: object;
  /** Missing where a workflow of an earlier version asks. */
  defaults?: BatchItemDefaults;
  open: OpenItem[];
  /** Items that a lost window may have started. */
  doubtful: number[];
  /** What those of them that are given back have cost so far, where there is anything to tell. */
  paid?: PaidItems;
  reason?: string;
}

/** What became of the cancel of items. */
export interface CancelItemsAnswer {
  outcomes: CancelOutcome[];
  /** Those of the doubtful that were started after all. */
  started: number[];
  /** Those of the started that an earlier run of the batch has ordered. */
  attached?: number[];
}

/** What activity `closeItems` is asked: the lines of items that were never started. */
export interface CloseQuestion {
  key: string;
  pages: ItemRange[];
  /** Items are pipelines. */
  hasPlan?: true;
  /** Every item from this index on, */
  from: number;
  /** but for these, */
  without: number[];
  /** and these before it. */
  others: number[];
  /** Lines that no page holds yet, and the number of the page that they begin. */
  tail: BatchLine[];
  page: number;
  /** Also what does not fill a page is written. */
  isLast?: boolean;
}

/** Lines that no page holds yet, and the number of the page that they begin. */
export interface CloseAnswer {
  tail: BatchLine[];
  page: number;
  /** The search attributes of ours that the server knows. */
  searchAttributes: string[];
}

/** What the workflow of a batch cannot do itself. */
export interface BatchActivities {
  /** Starts and follows items for a while, and tells which have ended. */
  runWindow: (question: WindowQuestion) => Promise<WindowAnswer>;
  /** Keeps items as pages in Temporal. */
  storeItems: (question: StoreQuestion) => Promise<PageOfItems[]>;
  /** Asks items in flight to cancel. */
  cancelItems: (question: CancelItemsQuestion) => Promise<CancelItemsAnswer>;
  /** Writes lines for items that are never started. */
  closeItems: (question: CloseQuestion) => Promise<CloseAnswer>;
}
