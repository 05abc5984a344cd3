import { runExplorer } from '../../refresh/explorer/explore-sets.ts';
import { ROTATIONS } from './sets.ts';

// Stack traces of a million errors would cost time, and are not used.
Error.stackTraceLimit = 0;
process.exitCode = Math.min(1, await runExplorer(ROTATIONS));
