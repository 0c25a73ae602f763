/**
 * Holds what a page reads first back until the WebSocket stands, for a moment: then every change after what was read comes
 * as an event, and nothing has to be asked twice. Where the connection takes longer, or cannot be had, reads go ahead, and
 * what they found is read anew once it stands (`any`).
 */

/** Longest that reads are held back (milliseconds). */
const LONGEST = 1_000;

export class FirstReads {
  /** Whether something was read before the connection stood. */
  any = false;
  #open = false;
  #held: (() => void)[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Wait until it is time to read. */
  async wait(): Promise<void> {
    if (!this.#open) {
      this.#timer ??= setTimeout(() => this.letThrough(), LONGEST);
      await new Promise<void>((resolve) => this.#held.push(resolve));
    }
  }

  /** The connection stands. */
  ready(): void {
    this.any = false;
    this.#release();
  }

  /** The connection does not stand yet, and reads wait no longer. */
  letThrough(): void {
    if (!this.#open) this.any = true;
    this.#release();
  }

  /** From the beginning: for another person. */
  again(): void {
    this.letThrough();
    this.any = false;
    this.#open = false;
  }

  #release(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#open = true;
    for (const go of this.#held.splice(0)) go();
  }
}
