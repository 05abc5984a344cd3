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
const { replacedBy: released, stacks } = JSON.parse(
  readFileSync('test/infra/released/e6503e4.json', 'utf8'),
) as {
  replacedBy: Record<string, readonly string[]>;
  stacks: Record<'default' | 'full', Record<string, Frozen>>;
};

const replacedBy: typeof released = { ...released, 'AWS::SecretsManager::RotationSchedule': ['SecretId'] };

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

const KEY = 'arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-4333-8444-555555555555';
const GENERIC: Record<string, unknown> = FULL_TOKENS.find(({ name }) => name === 'generic') ?? {};
const READERS = GENERIC.readers as unknown[];
const OTHER_VPC = 'vpc-0fedcba9876543210';
const CONTEXT = JSON.stringify(FULL_CONTEXT);
const CONTEXTS = [CONTEXT, CONTEXT.replaceAll(String(GENERIC.vpcId), OTHER_VPC)].map((one) =>
  JSON.parse(one),
);

/** Changes of one token, by their rows in docs/stack.md. An absent setting is undefined. */
const CHANGES: [row: string, change: object, before?: object][] = [
  ['another `name`', { name: 'renamed' }, { ...GENERIC, retainParameters: false }],
  ['another `prefix`', { prefix: '/new' }, { ...GENERIC, retainParameters: false }],
  ['another `prefix`, with `retainParameters`', { prefix: '/new' }],
  ['another `encryptionKeyArn`', { encryptionKeyArn: KEY }],
  ['another `secretName` or `secretArn`', { secretArn: undefined, secretName: 'ci/other' }],
  ['no `secretName` or `secretArn` any more', { secretArn: undefined }],
  [
    'a first `secretName` or `secretArn`',
    { secretArn: GENERIC.secretArn },
    { ...GENERIC, secretArn: undefined },
  ],
  ['`readers`: one is added', { readers: ['arn:aws:iam::111122223333:role/a', ...READERS] }],
  ['`readers`: a role of this account is removed', { readers: READERS.slice(1) }],
  ['`readers`: the last of other accounts and by OIDC is removed', { readers: READERS.slice(0, 1) }],
  ['another `vpcId`', { vpcId: OTHER_VPC }],
  ['no `vpcId` any more', { vpcId: undefined }],
  ['a first `securityGroupIds`', { securityGroupIds: ['sg-01234567'] }],
  [
    'another `alarmEmail`',
    { alarmEmail: 'b@example.com' },
    { ...GENERIC, alarmTopicArn: undefined, alarmEmail: 'a@example.com' },
  ],
  ['no `rotation` any more', { rotation: undefined }, { ...FULL_TOKENS[0] }],
  [
    'all other settings',
    {
      ...{ issuer: 'https://other.example.com', refreshInterval: 21, expectedLifetime: 121 },
      ...{ assumedLifetime: 31, longestJob: 91, reservedConcurrency: 0, secretEncryptionKeyArn: KEY },
      ...{ subnetIds: ['subnet-0123456789abcde00'], tags: { a: 'b' }, logRetention: 365 },
      ...{ logEncryptionKeyArn: KEY, runbookUrl: 'https://example.com/runbook' },
      ...{ alarmTopicArn: 'arn:aws:sns:eu-central-1:111122223333:other' },
      ...{ adoptParameters: false, retainParameters: false },
    },
  ],
];

function resourcesOf(token: object): Record<string, Resource> {
  const context = Object.assign({}, ...CONTEXTS);
  return synthesize({ tokens: [token], context, target: TARGET }).template.Resources;
}

/** What is replaced, deleted and kept, by type. A resource whose create-only property refers to a replaced one is replaced too. */
function effectOf(before: Record<string, Resource>, after: Record<string, Resource>): string {
  const replaced = new Set<string>();
  const isReplaced = (id: string) => {
    const [old, now] = [before[id], after[id]].map((one) => JSON.stringify(one && frozen(one)));
    return old !== now || [...replaced].some((other) => now?.includes(`"${other}"`));
  };
  const common = Object.keys(before).filter((id) => id in after);
  for (let known = -1; known < replaced.size; ) {
    known = replaced.size;
    for (const id of common.filter(isReplaced)) replaced.add(id);
  }
  const gone = Object.keys(before).filter((id) => !(id in after));
  const isKept = (id: string) => /^Retain/.test(before[id]?.DeletionPolicy ?? '');
  const types = (ids: readonly string[]) =>
    [...new Set(ids.map((id) => `\`${before[id]?.Type.replace('AWS::', '')}\``))].sort().join(', ') || '–';
  return [[...replaced], gone.filter((id) => !isKept(id)), gone.filter(isKept)].map(types).join(' | ');
}

test.each(CHANGES)(
  'docs/stack.md says what is replaced, deleted and kept by a change: %s',
  (row, change, before = GENERIC) => {
    const page = readFileSync('docs/stack.md', 'utf8');

    const effect = effectOf(resourcesOf(before), resourcesOf({ ...before, ...change }));

    expect(page.split('\n').find((line) => line.startsWith(`| ${row} |`))).toContain(
      `| ${row} | ${effect} |`,
    );
  },
);
