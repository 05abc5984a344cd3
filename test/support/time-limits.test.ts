import { limited, pointingAtItsLine } from './time-limits.ts';

test('a test that hangs fails at its time limit', async () => {
  const hangs = limited(() => new Promise(() => {}), 10);

  await expect(hangs()).rejects.toThrow('It did not end within 0.01 s.');
});

test('a failed test quotes its own line, and names no file of the runner', () => {
  const { stack } = pointingAtItsLine(new Error('It failed.'));

  expect(stack).toContain("| const { stack } = pointingAtItsLine(new Error('It failed.'));");
  expect(stack).toMatch(/^Error: It failed\.$/m);
  expect(stack).toMatch(/^ {4}at test\/support\/time-limits\.test\.ts:\d+:\d+$/m);
  expect(stack).not.toContain('node_modules');
});
