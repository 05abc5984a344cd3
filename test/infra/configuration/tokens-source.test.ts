import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import { temporaryDirectory } from '../../../local/temporary-directory.ts';

const SMALLEST = [{ name: 'genesys', provider: 'genesys-cloud', region: 'eu-central-1' }];
const NOWHERE = { account: undefined, region: undefined };

describe('finds the tokens', () => {
  const written = (directory: string, name: string, tokens: unknown) =>
    writeFileSync(join(directory, name), JSON.stringify(tokens));
  const namesOf = (context: object, directory?: string) =>
    readConfiguration({ ...context }, NOWHERE, directory).tokens.map(({ name }) => name);

  test('in tokens.json rather than in cdk.json, and on the command line rather than in either', () => {
    const directory = temporaryDirectory();
    written(directory, 'tokens.json', [{ name: 'file', provider: 'nice-cxone' }]);

    expect(namesOf({ tokens: SMALLEST }, directory)).toEqual(['file']);
    expect(namesOf({ tokens: JSON.stringify(SMALLEST) }, directory)).toEqual(['genesys']);
    expect(namesOf({ tokens: SMALLEST })).toEqual(['genesys']);
  });

  test('in another file, where one is named', () => {
    const directory = temporaryDirectory();
    written(directory, 'tokens.json', [{ name: 'file', provider: 'nice-cxone' }]);
    written(directory, 'second.json', [{ name: 'second', provider: 'nice-cxone' }]);

    expect(namesOf({ tokensFile: 'second.json' }, directory)).toEqual(['second']);
  });

  test('in a file that names its schema for editors', () => {
    const directory = temporaryDirectory();
    const tokens = [{ name: 'file', provider: 'nice-cxone' }];
    written(directory, 'tokens.json', { $schema: './tokens.schema.json', tokens });
    written(directory, 'misspelt.json', { $shema: './tokens.schema.json', tokens });

    expect(namesOf({}, directory)).toEqual(['file']);
    expect(() => namesOf({ tokensFile: 'misspelt.json' }, directory)).toThrow('is not a list');
  });

  test('and names the file where they are wrong', () => {
    const directory = temporaryDirectory();
    written(directory, 'tokens.json', [{ name: 'a b', provider: 'nice-cxone' }]);

    expect(() => namesOf({}, directory)).toThrow(
      /^The configuration, with the tokens of tokens.json, has a problem:\n {2}- tokens\[0\].name: "a b"/,
    );
  });

  test('and never repeats a piece of a file that is no JSON', () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'tokens.json'), 'client_secret=canary-1');

    expect(() => namesOf({}, directory)).toThrow(/tokens.json: is not JSON \(Unexpected token 'c'\)$/);
  });
});
