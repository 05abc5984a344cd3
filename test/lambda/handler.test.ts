import { handler } from '../../lambda/handler.ts';
import { rejection } from '../support/leaks.ts';
import { ENVIRONMENT } from './environment.ts';

const context = { awsRequestId: 'request', getRemainingTimeInMillis: () => 24_000 };
const { env } = process;
const { write } = process.stdout;
let lines: string[];

beforeEach(() => {
  lines = [];
  process.stdout.write = (line: string | Uint8Array) => lines.push(String(line)) > 0;
});
afterEach(() => {
  process.env = env;
  process.stdout.write = write;
});

test('a wrong environment ends in CONFIG_INVALID: in the log, and in both of Lambda’s log formats', async () => {
  process.env = { ...ENVIRONMENT, REFRESH_INTERVAL_SECONDS: 'soon' };

  const error = await rejection(handler({}, context));

  expect([error.name, error.constructor.name]).toEqual(['CONFIG_INVALID', 'CONFIG_INVALID']);
  expect(JSON.parse(lines.join(''))).toMatchObject({ level: 'error', error: { code: 'CONFIG_INVALID' } });
});
