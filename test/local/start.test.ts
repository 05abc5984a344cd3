import { spawnSync } from 'node:child_process';

function start(...args: string[]) {
  return spawnSync(process.execPath, ['local/start.ts', ...args], { encoding: 'utf8' });
}

test('--help shows the usage, and starts nothing', () => {
  const { status, stdout, stderr } = start('--help');

  expect(status).toBe(0);
  expect(stdout).toContain('npm start -- --keep-running');
  expect(stderr).toBe('');
});

test.each(['--keep-runing', '--speed=5', 'keep-running'])('%s is a mistake that is told in words', (arg) => {
  const { status, stdout, stderr } = start(arg);

  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(arg.split('=')[0]);
  expect(stderr).toContain('usage: npm start');
  expect(stderr).not.toMatch(/^ +at /m);
});
