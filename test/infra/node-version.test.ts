import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const CHECK = ['--import', './infra/node-version.js'];

/** Makes Node.js believe that it is version 20. */
const OLD = `data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"20.20.2"}})`;

test('an older Node.js says what is needed, and how to get it', async () => {
  const started = promisify(execFile)('node', ['--import', OLD, ...CHECK, '-e', 'console.log("went on")']);

  await expect(started).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^This is Node\.js 20\.20\.2; version 24 or later is needed\..*--ignore-scripts/,
    ),
  });
});

test('npm start, the CDK and Jest ask for it', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const { app } = JSON.parse(readFileSync('cdk.json', 'utf8'));

  for (const command of [scripts.start, app]) expect(command).toContain(CHECK.join(' '));
  expect(readFileSync('jest.config.js', 'utf8')).toContain("import './infra/node-version.js'");
});
