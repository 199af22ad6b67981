// A simulator in a process of its own, so that nothing else that a measurement does holds up what it counts.
import { type SimulatorOptions, startSimulator } from '../../../simulator/index.ts';

const simulator = await startSimulator(JSON.parse(process.argv[2] ?? '{}') as SimulatorOptions);
process.once('message', () => {
  void simulator.close().then(() => process.exit(0));
});
process.once('disconnect', () => process.exit(1));
process.send?.({ url: simulator.url, modelApiBase: simulator.modelApiBase });
