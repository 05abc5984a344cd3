import { readFileSync } from 'node:fs';
import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import { PROVIDER_RULES } from '../../../infra/rules/provider-settings.ts';
import { PROVIDER_NAMES, tokenSchemaOf } from '../../../infra/rules/settings.ts';
import { settingsTable } from '../../../tools/packaging/provider-tables.ts';
import { TARGET } from '../full-configuration.ts';
import { WRONG_VALUES, type WrongValue } from './wrong-values.ts';

const TOKEN = { name: 'a', provider: 'nice-cxone' };

/** The one problem of a configuration, as a person reads it; null if it is taken. */
function problemOf(context: WrongValue['context']): string | null {
  try {
    readConfiguration(context, TARGET);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.replace('The configuration has a problem:\n  - ', '');
  }
}

test.each(WRONG_VALUES.map(({ path, context }) => [path, context] as const))(
  '%s: %j is one problem, and its message begins with the path',
  (path, context) => {
    const problem = problemOf(context) ?? 'none';

    expect(problem.slice(0, path.length)).toBe(path);
    expect(problem).not.toContain('\n');
    // No text of the schema's library, which names neither value nor limit.
    expect(problem).not.toMatch(/: Invalid |Unrecognized key/);
  },
);

test.each([
  [{ name: 7 }, '.name: 7 is not a name of 1 to 40 letters'],
  [{ name: undefined }, '.name: is missing; set it to a name of 1 to 40 letters'],
  [{ refreshInterval: 1441 }, '.refreshInterval: 1441 is not a whole number of minutes from 1 to 1,440'],
  [
    { provider: 'genesys-clud' },
    '"genesys-clud" is not one of .*genesys-cloud, nice-cxone, .*; did you mean "genesys-cloud"',
  ],
  [{ fipsEndpoints: 'x' }, '.fipsEndpoints: "x" is not true or false'],
  [{ readers: [7] }, '.readers\\[0\\]: 7 is neither the ARN of a role nor an object'],
  [{ vpcId: 'vpc-1', subnetIds: [] }, '.subnetIds: \\[\\] is not a list of 1 to 16 ids of subnets'],
  [{ refreshIntervall: 1 }, '.refreshIntervall: is not a setting; did you mean "refreshInterval"'],
  [{ alarmTopic: 'x' }, '.alarmTopic: is a prop of the construct; here it is alarmEmail or alarmTopicArn'],
  [{ clientSecret: 'canary' }, '.clientSecret: is not a setting; a client secret belongs in Secrets Manager'],
  [{ issuer: 'https://id:canary@id.test' }, '.issuer: '],
  [{ region: 'eu-central-1' }, '.region: is not a setting of the provider nice-cxone; remove it'],
])('the message names value and limit: %j', (settings, message) => {
  const problem = problemOf({ tokens: [{ ...TOKEN, ...settings }] });

  expect(problem).toMatch(new RegExp(message));
  expect(problem).not.toContain('canary');
});

const SETTINGS = PROVIDER_NAMES.flatMap((provider) =>
  Object.keys(tokenSchemaOf({ provider }).shape).map((setting) => [provider, setting] as const),
);

test('docs/stack.md lists each setting; `npm run update` writes those of the providers', () => {
  const [ofTokens = '', ofProviders = ''] = readFileSync('docs/stack.md', 'utf8').split('\n### Providers');
  const undocumented = SETTINGS.filter(
    ([provider, setting]) =>
      !(setting in PROVIDER_RULES[provider].settings) && !ofTokens.includes(`\`${setting}\``),
  );

  expect(ofProviders).toContain(settingsTable());
  expect(undocumented).toEqual([]);
});

test('every setting has its row', () => {
  const paths = WRONG_VALUES.map(({ path }) => path.replace(/^tokens\[\d\]\./, '').replace(/[.[].*/, ''));

  const missing = SETTINGS.filter(([, setting]) => !paths.includes(setting));

  expect(missing).toEqual([]);
});
