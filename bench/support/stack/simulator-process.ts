// A simulator in a process of its own, so that other work of the measurement does not delay it.
import { type SimulatorOptions, startSimulator } from '../../../simulator/index.ts';

const simulator = await startSimulator(JSON.parse(process.argv[2] ?? '{}') as SimulatorOptions);
process.once('message', () => {
  void simulator.close().then(() => process.exit(0));
});
process.once('disconnect', () => process.exit(1));
process.send?.({ url: simulator.url, modelApiBase: simulator.modelApiBase });
