import { DeleteParametersCommand, GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { TokenParametersProperties } from '../contract.ts';

/** The properties in the first release: its clean-up call, as JSON. */
interface ReleasedProperties {
  readonly Delete?: string;
}

/**
 * Makes sure that the stack may write a token's two parameters, before any other resource of the stack can write them.
 *
 * @returns the physical id: the token parameter's name if neither parameter exists, so that the stack creates both and
 * later deletes them; another id if parameters were adopted, which the stack never deletes
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
  const found = Parameters.map(({ Name }) => Name);
  if (found.length === 0) return TokenParameter;
  if (Adopt !== 'true') {
    throw new Error(
      `Parameter Store already has ${found.join(' and ')}, which this stack did not create. Nothing was written. Choose another name or prefix, or delete these parameters. Or set "adoptParameters": true: the stack then overwrites them, and keeps them when it is deleted.`,
    );
  }
  return `adopted:${TokenParameter}`;
}

/** Deletes both parameters if the stack created them. `physicalResourceId` says so: see {@link claimParameters}. */
export async function deleteParameters(
  client: SSMClient,
  properties: TokenParametersProperties | ReleasedProperties,
  physicalResourceId: string,
): Promise<void> {
  const names = namesOf(properties);
  if (names[0] !== physicalResourceId) return;
  // DeleteParameters, unlike DeleteParameter, accepts names that do not exist.
  await client.send(new DeleteParametersCommand({ Names: names }));
}

function namesOf(properties: TokenParametersProperties | ReleasedProperties): string[] {
  if ('TokenParameter' in properties) return [properties.TokenParameter, properties.StatusParameter];
  const call = JSON.parse((properties as ReleasedProperties).Delete ?? '{}');
  return call.parameters?.Names ?? [];
}
