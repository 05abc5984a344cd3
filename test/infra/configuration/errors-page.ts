import { readConfiguration } from '../../../infra/configuration/app-configuration.ts';
import { ConfigurationError } from '../../../infra/construct/configuration-error.ts';
import { TARGET } from '../full-configuration.ts';
import { WRONG_VALUES, type WrongValue } from './wrong-values.ts';

/** The one problem that a configuration has, as a person reads it; null if it is taken. */
export function problemOf(context: WrongValue['context']): string | null {
  try {
    readConfiguration(context, TARGET);
    return null;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.replace('The configuration has a problem:\n  - ', '');
  }
}

interface Row {
  /** `refreshInterval`, without the token and the place in a list. */
  readonly setting: string;
  readonly written: unknown;
  readonly message: string;
}

/** Every row of the tables: the setting, what was written, the message that is read. */
export const ROWS: { readonly ofApp: readonly Row[]; readonly ofToken: readonly Row[] } = {
  ofApp: WRONG_VALUES.filter(({ path }) => !path.startsWith('tokens[')).map(({ path, context }) => {
    const setting = path in context ? path : 'tokensFile';
    return { setting, written: context[setting], message: problemOf(context) ?? '' };
  }),
  ofToken: WRONG_VALUES.flatMap(({ path, context }): Row[] => {
    const [, index, setting = ''] = /^tokens\[(\d+)\]\.?(\w*)/.exec(path) ?? [];
    if (index === undefined) return [];
    const token = (context.tokens as Record<string, unknown>[])[Number(index)];
    const written = setting === '' ? token : token?.[setting];
    return [{ setting, written, message: problemOf(context) ?? '' }];
  }),
};

/** Writes `docs/configuration-errors.md`. */
export function errorsPage(): string {
  return `# Errors of the configuration

What \`npx cdk synth\` and \`npx cdk deploy\` say to a wrong value, before anything is deployed. One error lists all problems. The
rows are the cases of \`test/infra/configuration/configuration-errors.test.ts\`, which writes this page. What each setting takes is
in [stack.md](stack.md#settings). What only the whole stack shows is an error too: an environment above Lambda's 4 KB, a VPC without
private subnets, more resources or larger policies than AWS takes. The stack of these examples is in account 111122223333, region eu-central-1.

## Beside the tokens

${table(ROWS.ofApp)}
## Of a token

${table(ROWS.ofToken)}`;
}

function table(rows: readonly Row[]): string {
  const order = [...new Set(rows.map(({ setting }) => setting))];
  const sorted = order.flatMap((setting) => rows.filter((row) => row.setting === setting));
  const lines = sorted.map(
    ({ setting, written, message }) => `| ${code(setting)} | ${shown(written)} | ${code(message)} |`,
  );
  return ['| setting | written | message |', '|---|---|---|', ...lines, ''].join('\n');
}

function shown(value: unknown): string {
  if (value === undefined) return 'absent';
  const text = JSON.stringify(value);
  return code(text.length > 80 ? `${text.slice(0, 60)} … (${text.length} characters)` : text);
}

function code(text: string): string {
  return text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``;
}
