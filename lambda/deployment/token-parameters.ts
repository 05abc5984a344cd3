import { DeleteParametersCommand, GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { TokenParametersProperties } from '../contract.ts';

/** As the first release of this project described them: the call of its clean-up, as JSON. */
interface ReleasedProperties {
  readonly Delete?: string;
}

/**
 * Makes sure that a token's two parameters are the stack's own to write, before anything of the stack may write them.
 *
 * @returns the physical id: the token parameter's name where neither parameter exists, so that the stack makes both and
 * deletes them again; another one where some were adopted, which the stack never deletes
 * @throws Error where one exists and is not to be adopted
 */
export async function claimParameters(
  client: SSMClient,
  { TokenParameter, StatusParameter, Adopt }: TokenParametersProperties,
): Promise<string> {
  // Without decryption: only the names are looked at.
  const { Parameters = [] } = await client.send(
    new GetParametersCommand({ Names: [TokenParameter, StatusParameter] }),
  );
  const found = Parameters.map(({ Name }) => Name);
  if (found.length === 0) return TokenParameter;
  if (Adopt !== 'true') {
    throw new Error(
      `Parameter Store already has ${found.join(' and ')}, which this stack did not make. Nothing was written. Choose another name or prefix; or delete what is there; or set "adoptParameters": true, and the stack overwrites it and leaves it there when the stack is deleted.`,
    );
  }
  return `adopted:${TokenParameter}`;
}

/** Deletes both parameters if the stack made them: `physicalResourceId` says so, see {@link claimParameters}. */
export async function deleteParameters(
  client: SSMClient,
  properties: TokenParametersProperties | ReleasedProperties,
  physicalResourceId: string,
): Promise<void> {
  const names = namesOf(properties);
  if (names[0] !== physicalResourceId) return;
  // DeleteParameters, unlike DeleteParameter, is content with names that do not exist.
  await client.send(new DeleteParametersCommand({ Names: names }));
}

function namesOf(properties: TokenParametersProperties | ReleasedProperties): string[] {
  if ('TokenParameter' in properties) return [properties.TokenParameter, properties.StatusParameter];
  const call = JSON.parse((properties as ReleasedProperties).Delete ?? '{}');
  return call.parameters?.Names ?? [];
}
