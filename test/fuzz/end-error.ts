/** The end of a generation that is played in process: its failure type, or `Canceled`. */
export class EndError extends Error {
  readonly type: string;
  constructor(type: string) {
    super(type);
    this.type = type;
  }
}
