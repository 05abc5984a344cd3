import { PROVIDER_RULES } from '../../infra/rules/provider-settings.ts';
import { PROVIDER_NAMES } from '../../infra/rules/settings.ts';
import { describeProvider, type ProviderSettings } from '../../lambda/contract.ts';

/** The table of each provider's settings, in docs/stack.md and docs/api.md. */
export function settingsTable(): string {
  const rows = PROVIDER_NAMES.flatMap((name) =>
    Object.entries(PROVIDER_RULES[name].settings).map(
      ([setting, { description }]) => `| \`${name}\` | \`${setting}\` | ${description} |`,
    ),
  );
  return ['| provider | setting | value |', '|---|---|---|', ...rows].join('\n');
}

/** The table of the keys that each provider's secret holds, in docs/api.md. */
export function secretsTable(): string {
  const code = (keys: readonly string[]) => keys.map((key) => `\`${key}\``).join(', ');
  const rows = PROVIDER_NAMES.map((provider) => {
    const sets = PROVIDER_RULES[provider].examples.map((settings) =>
      code(describeProvider({ provider, ...settings } as ProviderSettings).secretKeys),
    );
    return `| \`${provider}\` | ${sets.join('; or ')} |`;
  });
  return ['| provider | keys of the secret |', '|---|---|', ...rows].join('\n');
}
