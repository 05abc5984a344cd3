import { DeleteParametersCommand, GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { TokenParametersProperties } from '../contract.ts';

/**
 * Makes sure that the stack may write a token's two parameters, before any other resource of the stack can write them.
 *
 * @returns the physical id, by which {@link deleteParameters} knows what was adopted
 * @throws Error if one exists and is not to be adopted
 */
export async function claimParameters(
  client: SSMClient,
  { TokenParameter, StatusParameter, Adopt }: TokenParametersProperties,
): Promise<string> {
  // Without decryption: only the names are needed.
  const { Parameters = [] } = await client.send(
    new GetParametersCommand({ Names: [TokenParameter, StatusParameter] }),
  );
  const existing = Parameters.map(({ Name = '' }) => Name);
  if (existing.length > 0 && Adopt !== 'true') {
    throw new Error(
      `Parameter Store already has ${existing.join(' and ')}, which this stack did not create. Nothing was written. Choose another name or prefix, or delete these parameters. Or set "adoptParameters": true: the stack then overwrites them, and keeps them when it is deleted.`,
    );
  }
  const [one = ''] = existing;
  if (existing.length === 1) return `adopted-one:${one}`;
  return existing.length === 0 ? TokenParameter : `adopted:${TokenParameter}`;
}

/**
 * Deletes the parameters that the stack created, never one that it adopted. The physical id tells which: when the resource is
 * deleted, CloudFormation passes nothing else that this function answered before. Deployed stacks have these forms, so that they
 * never change.
 */
export async function deleteParameters(
  client: SSMClient,
  { TokenParameter, StatusParameter }: TokenParametersProperties,
  physicalId: string,
): Promise<void> {
  const created = new Map([
    [TokenParameter, [TokenParameter, StatusParameter]],
    [`adopted-one:${TokenParameter}`, [StatusParameter]],
    [`adopted-one:${StatusParameter}`, [TokenParameter]],
  ]).get(physicalId);
  if (created === undefined) return;
  // DeleteParameters, unlike DeleteParameter, accepts names that do not exist.
  await client.send(new DeleteParametersCommand({ Names: created }));
}
