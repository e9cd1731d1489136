// The one cancellation of a run: asked for by the test, seen by whatever is running.

export class Cancellation {
  requested = false;
  #listeners = new Set();
  #armed = true;

  /** `wanted` is { step, when, after }: at the start of a step or at a line that matches, `after` seconds later. */
  constructor(wanted) {
    this.wanted = wanted;
    this.pattern = wanted?.when ? new RegExp(wanted.when) : undefined;
  }

  started(id) {
    if (this.wanted?.step === id && !this.pattern) this.#arm();
  }

  saw(line, id) {
    if (this.pattern?.test(line) && (!this.wanted.step || this.wanted.step === id)) this.#arm();
  }

  #arm() {
    if (!this.#armed) return;
    this.#armed = false;
    setTimeout(() => this.#fire(), (this.wanted.after ?? 0) * 1000);
  }

  #fire() {
    this.requested = true;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Call when cancelled; returns what ends the subscription. What starts later is none of this cancellation's. */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
