import type { CancelOutcome } from '../generation.ts';
import type { Labels } from '../labels.ts';
import type { ItemRange, PageOfItems } from './batch-page.ts';
import type { BatchItem, BatchItemDefaults, BatchLine, PauseReason } from './batch.ts';

/** An item in flight. */
export interface OpenItem {
  /** Its index in the batch, from 0. */
  index: number;
  /** Expected price in micro-dollars, if known. */
  price?: number;
  /** Its order already existed and was made by somebody else. */
  attached?: true;
  /** Its order was made for another item of this batch, which counts the cost. */
  isRepeat?: true;
  /** What became of its cancel. */
  cancel?: CancelOutcome;
}

/** What identifies a batch to its activities. */
export interface BatchIdentity {
  key: string;
  /** First run of the batch's chain; distinguishes the batch's own orders from those of others. */
  firstRunId: string;
}

/** Result lines to write as the page of this number. */
export interface LinesToWrite {
  page: number;
  lines: BatchLine[];
}

/** Argument of activity `runWindow`; it knows nothing else of the batch. */
export interface WindowQuestion extends BatchIdentity {
  /** Items are pipelines of this plan. */
  plan?: object;
  defaults: BatchItemDefaults;
  budgets?: string[];
  /** The batch's labels, which its orders carry as well. */
  labels?: Labels;
  /** The batch's priority in Temporal, which its orders inherit. */
  priority?: Precedence;
  /** The pages that hold the items this window can reach. */
  pages: ItemRange[];
  /** Number of items in the batch. */
  total: number;
  open: OpenItem[];
  /** Items that were started and given back; they go first. */
  givenBack: number[];
  /** Costs already counted for items that are, or were, given back; in micro-dollars. */
  paid?: PaidItems;
  /** The presumed part of `paid`. */
  presumedPaid?: PaidItems;
  /** Index of the first item that was never started. */
  cursor: number;
  window: number;
  /** False: start nothing, only follow the open items. */
  mayStart: boolean;
  /** Items that a lost window may have started. Set if nothing may be started now: those found are followed as well. */
  doubtful?: number[];
  /** Failures in a row so far. */
  failuresInARow: number;
  /** Failures in a row that pause the batch; 0: never. */
  pauseAfterFailures: number;
  /** Spent or presumed spent so far, in micro-dollars. */
  spent: number;
  /** The limit for `spent`, in micro-dollars. */
  maxCost?: number;
  /** Longest duration of the window, in milliseconds. */
  lastsMs: number;
  /** Full pages of lines from earlier windows, to be written. */
  write: LinesToWrite[];
  /** Write a line even for items that are still open at the end of the window. */
  isLetGo?: boolean;
}

/** Temporal's priority, in the fields that the batch was started with. */
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
  /** What it has cost or is presumed to have cost, in micro-dollars. */
  cost: number;
  presumed?: true;
  /** The known part of a presumed cost, in micro-dollars. */
  known?: number;
  /** Set if its price was unknown. */
  unpriced?: true;
}

/** Why a window starts no further items. */
export interface WindowStop {
  reason: PauseReason;
  message: string;
}

/** The result of a window. */
export interface WindowAnswer {
  ended: EndedItem[];
  open: OpenItem[];
  givenBack: number[];
  /** As in the question, if there is anything to report. */
  paid?: PaidItems;
  presumedPaid?: PaidItems;
  /** What items cost before this window gave them back, in micro-dollars. */
  paidMore?: number;
  /** The presumed part of `paidMore`. */
  presumedMore?: number;
  cursor: number;
  stop?: WindowStop;
  /**
   * Set if the question named doubtful items; true if the window returned before it had looked for all of them. Missing
   * although there were some: a worker of an earlier version, which looked for nothing.
   */
  isInDoubt?: boolean;
  /** No earlier attempt was lost, so the answer covers everything that the window started. */
  isFirstAttempt: boolean;
}

/** Argument of activity `storeItems`: items to be stored as pages after the existing ones. */
export interface StoreQuestion {
  key: string;
  /** Missing: the items of the page, which somebody has already written. */
  items?: BatchItem[];
  /** Digest of the preceding pages. */
  after: string;
  /** Number of the first page; `from` is the index of its first item. */
  page: number;
  from: number;
  /** Only return what the pages would be. */
  isCheck?: boolean;
}

/** Argument of activity `cancelItems`. */
export interface CancelItemsQuestion extends BatchIdentity {
  pages: ItemRange[];
  /** Items are pipelines. */
  hasPlan?: true;
  /** The plan of those pipelines. */
  plan?: object;
  /** Missing if a workflow of an earlier version asks. */
  defaults?: BatchItemDefaults;
  open: OpenItem[];
  /** Items that a lost window may have started. */
  doubtful: number[];
  /** Costs so far of those doubtful items that were given back, if there are any. */
  paid?: PaidItems;
  reason?: string;
}

/** What the cancel of items achieved. */
export interface CancelItemsAnswer {
  /** The outcomes of the open items, followed by those of `started`. */
  outcomes: CancelOutcome[];
  /** The doubtful items that turned out to be started. */
  started: number[];
  /** The items of `started` that an earlier run of the batch ordered. */
  attached?: number[];
}

/** Argument of activity `closeItems`, which writes the lines of items that were never started. */
export interface CloseQuestion {
  key: string;
  pages: ItemRange[];
  /** Items are pipelines. */
  hasPlan?: true;
  /** Closes every item from this index on, except those of `without`. */
  from: number;
  without: number[];
  /** Further items to close, before `from`. */
  others: number[];
  /** Lines that are not in any page yet; `page` is the number of the page that they begin. */
  tail: BatchLine[];
  page: number;
  /** Also write the lines that do not fill a page. */
  isLast?: boolean;
}

/**
 * Answer of activity `closeItems`: the lines that are not in any page yet, and the number of the page that they begin.
 */
export interface CloseAnswer {
  tail: BatchLine[];
  page: number;
  /** Our search attributes that the server knows. */
  searchAttributes: string[];
}

/** Activities of the workflow of a batch. */
export interface BatchActivities {
  /** Starts and follows items for a while, and reports which have ended. */
  runWindow: (question: WindowQuestion) => Promise<WindowAnswer>;
  /** Stores items as pages in Temporal. */
  storeItems: (question: StoreQuestion) => Promise<PageOfItems[]>;
  /** Asks items in flight to cancel. */
  cancelItems: (question: CancelItemsQuestion) => Promise<CancelItemsAnswer>;
  /** Writes lines for items that are never started. */
  closeItems: (question: CloseQuestion) => Promise<CloseAnswer>;
}
