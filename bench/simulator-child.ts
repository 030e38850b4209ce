// A simulator in a process of its own, so that it takes no time from the program that is measured.
import { startSimulator } from '../simulator/server.ts';
import { universeOf } from './universe-of.ts';

const { seriesCount, ...options } = JSON.parse(process.argv[2] ?? '{}');
const simulator = await startSimulator({ ...options, universe: universeOf(seriesCount) });
process.send?.(simulator.baseUrl);
process.once('disconnect', () => process.exit());
