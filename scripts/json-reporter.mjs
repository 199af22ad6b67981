import { JsonReporter } from 'vitest/node';

/** Vitest's JSON report, plus the errors outside any test, which the original leaves out. */
export default class ReporterOfAllErrors extends JsonReporter {
  #unhandledErrors = [];

  async onTestRunEnd(testModules, unhandledErrors) {
    this.#unhandledErrors = unhandledErrors.map(({ name, message }) => `${String(name)}: ${String(message)}`);
    await super.onTestRunEnd(testModules);
  }

  async writeReport(report) {
    await super.writeReport(JSON.stringify({ ...JSON.parse(report), unhandledErrors: this.#unhandledErrors }));
  }
}
