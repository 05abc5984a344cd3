import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/**
 * The deployed `refresh()` in every order of its calls, with every fault of each call, as far as the sets say; what
 * must hold is in `explorer/checks.ts`. A violation is printed as its shortest schedule. Here from two of the eight starts;
 * `npm run prove` explores all, and further.
 *
 * The explorer is a process of its own, as in `npm run prove`. The one of rotations kills the rotation function and loses answers between
 * every two calls, beside the refresher and readers.
 */
test.each([
  ['refresh', 'due', 'status of'],
  ['rotation', 'a rotation', 'the secret'],
])(
  'no order of events of a %s breaks a rule',
  async (name, ...starts) => {
    const program = `test/lambda/${name}/explorer/main.ts`;
    const explorer = spawn(process.execPath, [program, '--quick', ...starts]);

    const [printed, errors, [exitCode]] = await Promise.all([
      text(explorer.stdout),
      text(explorer.stderr),
      once(explorer, 'exit'),
    ]);

    expect(printed).toMatch(/^(.+ [1-9]\d* scenarios, [1-9].* schedules, .* states, 0 violations, .+\n){3}$/);
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: '' });
    console.log(printed);
  },
  240_000,
);
