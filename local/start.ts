import { parseArgs } from 'node:util';

const USAGE = `usage: npm start                      the main job on this machine, at 120 times real speed; ends by itself
       npm start -- --keep-running    on the real clock until "quit" or Ctrl-C, with commands to paste
`;
const USAGE_STATUS = 2;

const write = (line: string): void => console.log(line);
const options = readOptions();
if (options?.help) process.stdout.write(USAGE);
else if (options !== undefined) {
  write('Synthesizing the stack, starting an authorization server and an AWS endpoint …');
  // Loaded here: the CDK takes seconds, for which nobody should wait who mistyped an option.
  if (options.keepRunning) await (await import('./keep-running.ts')).keepRunning(write);
  else if (!(await (await import('./demonstration.ts')).demonstrate(write))) process.exitCode = 1;
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
