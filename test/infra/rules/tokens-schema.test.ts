import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { tokensJsonSchema } from '../../../infra/rules/settings.ts';
import { FULL_TOKENS } from '../full-configuration.ts';

const SCHEMA = JSON.parse(readFileSync('tokens.schema.json', 'utf8'));

test('tokens.schema.json has the rules of infra/rules/settings.ts; `npm run update` writes it', () => {
  expect(SCHEMA).toEqual(JSON.parse(JSON.stringify(tokensJsonSchema())));
});

describe('an editor that checks by tokens.schema.json', () => {
  const isTaken = (file: unknown) => z.fromJSONSchema(SCHEMA).safeParse(file).success;
  const [genesys] = FULL_TOKENS;

  test('takes the example, a list, and an object that names the schema', () => {
    // zod reads a pattern without the flag `u`, which editors set: the third token has one with \p.
    const tokens = FULL_TOKENS.slice(0, 2);

    const example = JSON.parse(readFileSync('tokens.example.json', 'utf8'));

    expect([example, tokens, { $schema: './tokens.schema.json', tokens }].map(isTaken)).toEqual(
      Array(3).fill(true),
    );
  });

  test.each([
    [],
    [{ ...genesys, region: 'moon' }],
    [{ ...genesys, refreshInterval: 1441 }],
    [{ ...genesys, refreshIntervall: 20 }],
    [{ ...genesys, provider: 'genesys' }],
    [{ ...genesys, area: 'na1' }],
  ])('underlines %j', (...tokens) => {
    expect(isTaken(tokens)).toBe(false);
  });
});
