import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { type E2eHarness, functionOf } from './e2e-harness.ts';

/** CloudWatch shows a line some seconds after it was written. */
const LOG_DELAY_MS = 30_000;

interface LogLine {
  readonly outcome?: string;
  readonly reason?: string;
  readonly error?: { readonly code: string };
}

/**
 * Expects the reasons of all mints so far in the function's log, joined by spaces: `forced age`. Only the reason shows
 * whether a beat or an event caused a mint.
 */
export async function expectMintReasons(harness: E2eHarness, token: string, expected: RegExp): Promise<void> {
  const read = async (): Promise<string> =>
    (await functionLines(harness, token))
      .filter(({ outcome }) => outcome === 'refreshed')
      .map(({ reason }) => reason)
      .join(' ');
  await expectSoon(read, expected, 'reasons of the mints, by the log');
}

/** Expects an invocation that failed with this code in the function's own log. */
export async function expectLoggedFailure(harness: E2eHarness, token: string, code: string): Promise<void> {
  const read = async (): Promise<string> =>
    (await functionLines(harness, token)).map(({ error }) => error?.code).join(' ');
  await expectSoon(read, new RegExp(code), 'codes of the failures, by the log');
}

async function expectSoon(read: () => Promise<string>, expected: RegExp, what: string): Promise<void> {
  const deadline = Date.now() + LOG_DELAY_MS;
  for (;;) {
    const found = await read();
    if (expected.test(found)) return;
    if (Date.now() > deadline) assert.match(found, expected, `${what}: ${found}`);
    await delay(1000);
  }
}

async function functionLines(harness: E2eHarness, token: string): Promise<LogLine[]> {
  const { LoggingConfig } = await harness.aws.call<{ LoggingConfig: { LogGroup: string } }>(
    ...['lambda', 'get-function-configuration', '--function-name', functionOf(harness, token)],
  );
  const lines = await readLog(harness, LoggingConfig.LogGroup);
  return lines
    .flatMap((line) => line.split('\n'))
    .filter((line) => line.startsWith('{"level"'))
    .map((line) => JSON.parse(line));
}

/** Everything in a log group. */
export async function readLog({ aws }: E2eHarness, logGroup: string): Promise<string[]> {
  const { events } = await aws.call<{ events: { message: string }[] }>(
    ...['logs', 'filter-log-events', '--log-group-name', logGroup],
  );
  return events.map(({ message }) => message);
}
