import { CONTEXT_KEYS } from '../../../infra/configuration/app-configuration.ts';
import { PROVIDER_NAMES, tokensJsonSchema } from '../../../infra/rules/settings.ts';
import { secretKeysOf } from '../../../tools/packaging/provider-tables.ts';
import { expectContract } from '../../support/contract-file.ts';

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

const file = tokensJsonSchema() as Schema & { readonly definitions: Readonly<Record<string, Schema>> };

/** What may be written: names, fixed values and kinds of values, without their limits. */
function written(schema: Schema): unknown {
  const { $ref, allOf: [only] = [], properties, required = [], items, anyOf, oneOf, type = 'any' } = schema;
  if ($ref !== undefined) return written(file.definitions[$ref.split('/').at(-1) ?? ''] ?? {});
  // A reference with a description.
  if (only !== undefined) return written(only);
  const choices = anyOf ?? oneOf;
  if (choices !== undefined) return choices.map(written);
  if (properties !== undefined)
    return Object.fromEntries(
      Object.entries(properties).map(([name, one]) => [
        required.includes(name) ? `${name}, required` : name,
        written(one),
      ]),
    );
  if (items !== undefined) return { 'list of': written(items) };
  return schema.const ?? schema.enum ?? type;
}

test('the settings, the providers and the keys of their secrets are those that a version promises', () => {
  const [list] = file.anyOf ?? [];
  const { 'list of': tokens } = written(list ?? {}) as { readonly 'list of': readonly unknown[] };
  const contract = {
    context: CONTEXT_KEYS,
    tokens: Object.fromEntries(PROVIDER_NAMES.map((name, index) => [name, tokens[index]])),
    secretKeys: Object.fromEntries(PROVIDER_NAMES.map((name) => [name, secretKeysOf(name)])),
  };

  expectContract('configuration.json', `${JSON.stringify(contract, null, 2)}\n`);
});
