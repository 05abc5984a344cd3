import { type AwsCli, findAwsClis } from './support/aws-cli.ts';
import { NO_KEY, openReader, READ, type Reader } from './support/reader.ts';

let reader: Reader;

beforeEach(async () => {
  reader = await openReader(findAwsClis()[0] as AwsCli);
});
afterEach(() => reader.close());

test('prints a table, and the parameter itself with --json; needs no key, because it never decrypts the token', async () => {
  reader.storeToken('stored');
  reader.storeStatus({ lastFailure: { code: 'TOKEN_REJECTED', consecutive: 3 } });
  const policies = [READ, NO_KEY];

  const table = await reader.job(['status', 'genesys'], { policies });
  const json = await reader.job(['status', 'genesys', '--json'], { policies });

  expect(table.stdout).toMatch(/^version +v1$/m);
  expect(table.stdout).toMatch(/^life +47 min left, until 20/m);
  expect(table.stdout).toMatch(/^last failure +TOKEN_REJECTED, 3 in a row, the last at 20.*, next try 20/m);
  expect(JSON.parse(json.stdout)).toEqual(reader.status());
  expect([table.status, json.status]).toEqual([0, 0]);
});

test.each([
  ['none', undefined, /^version +none\nlife +there is no \/ci\/genesys\/access-token$/m],
  ['one that has expired', -5, /^version +v1\nlife +v1 expired at 20/m],
])('ends with 4 where no token is alive: %s', async (_name, lifeSeconds, rows) => {
  if (lifeSeconds !== undefined) reader.storeStatus({ version: reader.storeToken('dead'), lifeSeconds });

  const job = await reader.job(['status', 'genesys'], { policies: [READ] });

  expect(job).toMatchObject({ status: 4, stdout: expect.stringMatching(rows) });
});
