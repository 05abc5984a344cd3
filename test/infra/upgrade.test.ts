import { readFileSync } from 'node:fs';
import type { Resource } from '../../local/cloud-assembly.ts';
import { synthesize } from '../../local/synthesized-function.ts';
import { FULL_CONTEXT, FULL_TOKENS, SMALLEST, TARGET } from './full-configuration.ts';

/** A resource's type, and its properties that CloudFormation cannot change without replacing the resource. */
type Frozen = readonly [type: string, properties: Record<string, unknown>];

/**
 * The resources of commit e6503e4, the baseline of upgrades, by logical id. They are frozen: one that is missing or differs is
 * a deleted or replaced resource in the account of each user. Never write this file anew. `replacedBy` has the properties that
 * replace a resource, by type, of CloudFormation's specification.
 */
const { replacedBy, stacks } = JSON.parse(readFileSync('test/infra/released/e6503e4.json', 'utf8')) as {
  replacedBy: Record<string, readonly string[]>;
  stacks: Record<'default' | 'full', Record<string, Frozen>>;
};

function frozen({ Type, Properties = {} }: Resource): Frozen {
  const names = (replacedBy[Type] ?? []).filter((name) => name in Properties);
  return [Type, Object.fromEntries(names.map((name) => [name, Properties[name]]))];
}

/**
 * Policies of the readers' roles of commit e6503e4. IAM knows them by their names, which were the same in each region. An upgrade makes
 * new ones, under new ids. CloudFormation deletes these at the end, after the whole update has succeeded: no reader is denied, neither by
 * the upgrade nor by its rollback. They hold nothing.
 */
const LEAVING = [
  'genericReaderKey8da7080e1DB2EC7E',
  'genericresourcesReader0PolicyTokenRefreshergenericresourcesReader096B74F3C541BFBF6',
  'genesysresourcesReader0PolicyTokenRefreshergenesysresourcesReader010698CC8A7E8688F',
  'genesysresourcesReader1PolicyTokenRefreshergenesysresourcesReader17347ABFADD6FFB02',
];

test.each([
  ['default', synthesize({ tokens: SMALLEST })],
  ['full', synthesize({ tokens: FULL_TOKENS, context: FULL_CONTEXT, target: TARGET })],
] as const)(
  'an upgrade of the %s stack replaces no resource, and removes only policies that have successors',
  (name, { template }) => {
    const kept = Object.entries(stacks[name]).filter(([id]) => !LEAVING.includes(id));

    const after = kept.flatMap(([id]) => {
      const resource = template.Resources[id];
      return resource === undefined ? [] : [[id, frozen(resource)]];
    });

    expect(Object.fromEntries(after)).toEqual(Object.fromEntries(kept));
    // A new policy under an old id would be changed in place, before the update has succeeded.
    expect(LEAVING.filter((id) => id in template.Resources)).toEqual([]);
  },
);
