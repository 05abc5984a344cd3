import type { Resource, Template } from '../../../local/cloud-assembly.ts';
import { synthesize } from '../../../local/synthesized-function.ts';
import { FULL_TOKENS, TARGET, VPC_CONTEXT } from '../full-configuration.ts';

const [GENERIC] = FULL_TOKENS.filter(({ name }) => name === 'generic');
const OLD_KEY = GENERIC?.encryptionKeyArn;
const NEW_KEY = 'arn:aws:kms:eu-central-1:111122223333:key/99999999-2222-4333-8444-555555555555';

/*
 * CloudFormation creates and updates in the order of the dependencies, and deletes at the end what the new template does not
 * have. The first mint encrypts the token with the new key; if it fails, the update stops there, and the token stays as it is.
 */
test.each([
  ['another key', OLD_KEY, NEW_KEY],
  ['AWS’s key', OLD_KEY, undefined],
  ['a first key of its own', undefined, OLD_KEY],
])('denies neither the readers nor the function at any step of the update to %s', (_, oldKey, newKey) => {
  const [before, after] = [templateWith(oldKey), templateWith(newKey)];
  const [old, added] = [keyPolicies(before, oldKey), keyPolicies(after, newKey)];

  // One for the reader of this account, one for the reader role, one for the function.
  expect([old.length, added.length]).toEqual([oldKey ? 3 : 0, newKey ? 3 : 0]);
  // The old permissions stay until all else is done: none of them is changed in place.
  expect(old.filter((id) => id in after.Resources)).toEqual([]);
  // The new ones are there before the function has the key, and before the mint.
  expect(added.filter((id) => !waitsFor(after, functionOf(after), id))).toEqual([]);
  expect(waitsFor(after, firstMintOf(after), functionOf(after))).toBe(true);
});

function templateWith(encryptionKeyArn: string | undefined): Template {
  const { encryptionKeyArn: _, ...token } = GENERIC ?? {};
  const tokens = [{ ...token, ...(encryptionKeyArn === undefined ? {} : { encryptionKeyArn }) }];
  return synthesize({ tokens, context: VPC_CONTEXT, target: TARGET }).template;
}

function idsOf({ Resources }: Template, is: (resource: Resource) => boolean): string[] {
  return Object.keys(Resources).filter((id) => Resources[id] !== undefined && is(Resources[id]));
}

/** The policies that allow anything with a key. */
function keyPolicies(template: Template, key: string | undefined): string[] {
  return idsOf(
    template,
    ({ Type, Properties }) =>
      Type === 'AWS::IAM::Policy' && key !== undefined && JSON.stringify(Properties).includes(key),
  );
}

function firstMintOf(template: Template): string {
  return idsOf(template, ({ Type }) => Type === 'Custom::FirstMint')[0] ?? '';
}

function functionOf(template: Template): string {
  const { Properties } = template.Resources[firstMintOf(template)] ?? {};
  return String(Object(Properties?.FunctionName).Ref);
}

/** Whether a resource is created after another: it names it, or one that does. */
function waitsFor({ Resources }: Template, id: string, other: string): boolean {
  const named = Object.keys(Resources).filter(
    (one) => one !== id && JSON.stringify(Resources[id]).includes(`"${one}"`),
  );
  return named.includes(other) || named.some((one) => waitsFor({ Resources }, one, other));
}
