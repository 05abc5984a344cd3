import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';
import { SMALLEST } from '../full-configuration.ts';

const NOWHERE = { account: undefined, region: undefined };

const tokensNamed = (name: string) => [{ name, provider: 'nice-cxone' }];

describe('finds the tokens', () => {
  const directory = temporaryDirectory();
  const written = (name: string, content: unknown) =>
    writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
  const namesOf = (context: object, where?: string) =>
    readConfiguration({ ...context }, NOWHERE, where).tokens.map(({ name }) => name);

  beforeAll(() => {
    written('tokens.json', tokensNamed('file'));
    written('second.json', { $schema: './tokens.schema.json', tokens: tokensNamed('second') });
    written('misspelt.json', { $shema: './tokens.schema.json', tokens: tokensNamed('x') });
    written('wrong.json', tokensNamed('a b'));
    written('text.json', 'client_secret=canary-1');
  });

  test('in tokens.json or in cdk.json, and on the command line rather than in either', () => {
    expect(namesOf({}, directory)).toEqual(['file']);
    expect(namesOf({ tokens: JSON.stringify(SMALLEST) }, directory)).toEqual(['genesys']);
    expect(namesOf({ tokens: SMALLEST })).toEqual(['genesys']);
    expect(() => namesOf({ tokens: SMALLEST }, directory)).toThrow(
      'tokens: are in cdk.json and in tokens.json',
    );
  });

  test('nowhere in a clone: it refuses, and says what to write', () => {
    const { context } = JSON.parse(readFileSync('cdk.json', 'utf8'));

    expect(() => namesOf(context, temporaryDirectory())).toThrow(
      'tokens: are missing, and a deployment deletes what it does not name. Write tokens.json beside cdk.json',
    );
    expect(namesOf({ ...context, tokensFile: 'tokens.example.json' })).toEqual(['genesys', 'cxone']);
  });

  test('in another file, which may name its schema', () => {
    expect(namesOf({ tokensFile: 'second.json' }, directory)).toEqual(['second']);
  });

  // Names the file, and never repeats a piece of one that is no JSON.
  test.each([
    ['misspelt.json', 'is not a list'],
    ['wrong.json', 'with the tokens of wrong.json, has a problem:\n  - tokens[0].name: "a b"'],
    ['text.json', "text.json: is not JSON (Unexpected token 'c')"],
  ])('refuses %s: %s', (tokensFile, message) => {
    const find = () => namesOf({ tokensFile }, directory);

    expect(find).toThrow(message);
    expect(find).not.toThrow('canary');
  });
});
