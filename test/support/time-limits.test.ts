import { limited } from './time-limits.ts';

test('a test that hangs fails at its time limit', async () => {
  const hangs = limited(() => new Promise(() => {}), 10);

  await expect(hangs()).rejects.toThrow('It did not end within 0.01 s.');
});
