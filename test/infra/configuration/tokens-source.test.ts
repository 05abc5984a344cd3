import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';
import { SMALLEST } from '../full-configuration.ts';

const tokensNamed = (name: string) => [{ name, provider: 'nice-cxone' }];
const directory = temporaryDirectory();
const FILES = {
  'tokens.json': tokensNamed('file'),
  'second.json': { $schema: './tokens.schema.json', tokens: tokensNamed('second') },
  'misspelt.json': { $shema: './tokens.schema.json', tokens: tokensNamed('x') },
  'wrong.json': tokensNamed('a b'),
};
for (const [name, content] of Object.entries(FILES))
  writeFileSync(join(directory, name), JSON.stringify(content));
writeFileSync(join(directory, 'text.json'), 'client_secret=canary-1');

const namesOf = (context: object, where?: string) =>
  readConfiguration({ ...context }, { account: undefined, region: undefined }, where).tokens.map(
    ({ name }) => name,
  );

test('finds the tokens in tokens.json, in another file, or in cdk.json, and on the command line rather than there', () => {
  expect(namesOf({}, directory)).toEqual(['file']);
  expect(namesOf({ tokensFile: 'second.json' }, directory)).toEqual(['second']);
  expect(namesOf({ tokens: JSON.stringify(SMALLEST) }, directory)).toEqual(['genesys']);
  expect(namesOf({ tokens: SMALLEST })).toEqual(['genesys']);
});

test('takes a flag of the command line, which is a text', () => {
  const context = { tokens: SMALLEST, dashboard: 'true', terminationProtection: 'false' };

  const read = readConfiguration(context, { account: undefined, region: undefined });

  expect(read).toMatchObject({ dashboard: true, terminationProtection: false });
});

test('finds none in a clone: it refuses, and says what to write', () => {
  const { context } = JSON.parse(readFileSync('cdk.json', 'utf8'));

  expect(() => namesOf(context, temporaryDirectory())).toThrow(
    'tokens: are missing, and a deployment deletes what it does not name. Write tokens.json beside cdk.json',
  );
  expect(namesOf({ ...context, tokensFile: 'tokens.example.json' })).toEqual(['genesys', 'cxone']);
});

// Names the file, and never repeats a piece of one that is no JSON.
test.each([
  [{ tokens: SMALLEST }, 'tokens: are in cdk.json and in tokens.json'],
  [{ tokensFile: 'misspelt.json' }, 'is not a list'],
  [{ tokensFile: 'wrong.json' }, 'tokens of wrong.json, has a problem:\n  - tokens[0].name: "a b"'],
  [{ tokensFile: 'text.json' }, "text.json: is not JSON (Unexpected token 'c')"],
])('refuses %j: %s', (context, message) => {
  const find = () => namesOf(context, directory);

  expect(find).toThrow(message);
  expect(find).not.toThrow('canary');
});
