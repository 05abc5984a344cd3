import { parseArgs } from 'node:util';
import { judge, playDemonstration } from './demonstration.ts';
import { openHarness } from './harness.ts';
import { keepRunning } from './keep-running.ts';
import { createTimeline } from './timeline.ts';

const USAGE = `usage: npm start                      the main job on this machine, at 120 times real speed; ends by itself
       npm start -- --keep-running    on the real clock until "quit" or Ctrl-C, with commands to paste
`;
const USAGE_STATUS = 2;

const write = (line: string): void => console.log(line);
const options = readOptions();
if (options?.help) process.stdout.write(USAGE);
else if (options !== undefined) {
  write('Synthesizing the stack, starting an authorization server and an AWS endpoint …');
  if (options.keepRunning) await keepRunning(write);
  else await demonstrate();
}

/** The command line's options; undefined if it is wrong: the error is then printed. */
function readOptions(): { readonly keepRunning: boolean; readonly help: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        'keep-running': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return { keepRunning: values['keep-running'], help: values.help };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exitCode = USAGE_STATUS;
    return undefined;
  }
}

/** Runs the demonstration, and sets the exit status to 1 if a read failed. */
async function demonstrate(): Promise<void> {
  const harness = await openHarness({
    speed: 120,
    lifetimeSeconds: 20 * 60,
    refreshIntervalMinutes: 10,
  });
  try {
    const timeline = createTimeline({ now: harness.now, write });
    const isGood = judge(await playDemonstration(harness, timeline), write);
    if (!isGood) process.exitCode = 1;
  } finally {
    await harness.close();
  }
}
