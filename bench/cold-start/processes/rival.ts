/**
 * A simple function for comparison: the same job with both SDK clients and `fetch`. One read and, if the token is due or
 * the event forces a mint, the secret, the token endpoint, and both writes.
 */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParametersCommand, PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';

const ssm = new SSMClient({});
const secretsManager = new SecretsManagerClient({});
const { SECRET_ARN, TOKEN_URL, TOKEN_PARAMETER, STATUS_PARAMETER } = process.env;

export async function handler(event: { force?: boolean }) {
  const found = await ssm.send(
    new GetParametersCommand({ Names: [`${TOKEN_PARAMETER}`, `${STATUS_PARAMETER}`] }),
  );
  const status = found.Parameters?.find(({ Name }) => Name === STATUS_PARAMETER)?.Value;
  const dueAt = status === undefined ? 0 : Date.parse(JSON.parse(status).refreshDueAt);
  if (!event.force && dueAt > Date.now()) return { outcome: 'still-fresh' };

  const secret = await secretsManager.send(new GetSecretValueCommand({ SecretId: `${SECRET_ARN}` }));
  const { client_id, client_secret } = JSON.parse(secret.SecretString ?? '');
  const issuedAt = new Date();
  const response = await fetch(`${TOKEN_URL}`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  if (!response.ok) throw new Error(`The token endpoint answered ${response.status}.`);
  const { access_token, expires_in } = (await response.json()) as {
    access_token: string;
    expires_in: number;
  };
  const { Version } = await ssm.send(
    new PutParameterCommand({
      Name: `${TOKEN_PARAMETER}`,
      Value: access_token,
      Type: 'SecureString',
      Overwrite: true,
    }),
  );
  const after = (share: number) => new Date(issuedAt.getTime() + expires_in * 1000 * share).toISOString();
  const document = { tokenVersion: Version, issuedAt, refreshDueAt: after(5 / 6), expiresAt: after(1) };
  const command = { Name: `${STATUS_PARAMETER}`, Value: JSON.stringify(document), Overwrite: true };
  await ssm.send(new PutParameterCommand({ ...command, Type: 'String' }));
  return { outcome: 'refreshed' };
}
