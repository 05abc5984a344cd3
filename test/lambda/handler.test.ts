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

async function failureOf(event: unknown, environment: object): Promise<Error> {
  process.env = { ...environment };
  return await rejection(handler(event, context));
}

test('a wrong environment ends in CONFIG_INVALID, in the log too', async () => {
  const error = await failureOf({}, { ...ENVIRONMENT, REFRESH_INTERVAL_SECONDS: 'soon' });

  expect(error.name).toBe('CONFIG_INVALID');
  expect(JSON.parse(lines.join(''))).toMatchObject({ level: 'error', error: { code: 'CONFIG_INVALID' } });
});

test('an error is named by its code in both of Lambda’s log formats', async () => {
  const error = await failureOf({ force: 'yes' }, ENVIRONMENT);

  expect([error.name, error.constructor.name]).toEqual(['EVENT_INVALID', 'EVENT_INVALID']);
});
