import type { Config } from '../config.ts';
import type { ProviderSettings } from '../contract.ts';
import { isRefreshError } from '../errors.ts';
import { type Credentials, parseCredentials, sameCredentials } from './credentials.ts';
import { createDiscover } from './discovery.ts';
import { createSendRequest, type HttpDispatcher, type SendRequest } from './http.ts';
import type { MintedToken, Minter } from './minter.ts';
import { probeToken } from './probe.ts';
import { genesysCloud } from './providers/genesys-cloud.ts';
import { niceCxone } from './providers/nice-cxone.ts';
import { niceCxoneAccessKey } from './providers/nice-cxone-access-key.ts';
import { oauth2 } from './providers/oauth2.ts';
import type { Provider } from './providers/provider.ts';
import { createReadSecret, type ReadSecret, type SecretStage } from './secret.ts';
import { type Attempt, createAskForToken } from './token-endpoint.ts';

/** One request that hangs leaves time for another try in the same mint's 20 seconds. */
const REQUEST_TIMEOUT_MS = 8_000;

/** A probe proves or proves nothing; it is not worth the mint's last seconds. */
const PROBE_TIMEOUT_MS = 4_000;

/** Where else the credentials may be while a rotation is in flight. */
const OTHER_STAGES: readonly SecretStage[] = ['AWSPENDING', 'AWSPREVIOUS'];

interface CreateMinterOptions {
  readonly config: Pick<Config, 'providerSettings' | 'secretArn' | 'assumedLifetimeMs'> &
    Partial<Pick<Config, 'awsClient'>>;
  readonly now: () => Date;
  /** What connections to the provider are made with. @default an agent that trusts Node's certificate authorities */
  readonly dispatcher?: HttpDispatcher;
  /** @default Secrets Manager by the environment's region, endpoint and credentials */
  readonly readSecret?: ReadSecret;
  /** The time for one request to the token endpoint. @default 8 seconds */
  readonly requestTimeoutMs?: number;
}

/**
 * Makes the minter of one token.
 *
 * @throws RefreshError `CONFIG_INVALID` for settings that no request can be made from
 */
export function createMinter(options: CreateMinterOptions): Minter {
  const { config, now, dispatcher, requestTimeoutMs: timeoutMs = REQUEST_TIMEOUT_MS } = options;
  const { secretArn, assumedLifetimeMs } = config;
  const { readSecret = createReadSecret(config) } = options;
  const provider = selectProvider(config.providerSettings, secretArn);
  const send = createSendRequest(dispatcher);
  const discover = createDiscover({ send, now, timeoutMs });
  const askForToken = createAskForToken({
    provider,
    secretArn,
    assumedLifetimeMs,
    send,
    discover,
    now,
    timeoutMs,
  });

  const readCredentials = async (stage: SecretStage, signal: AbortSignal) => {
    const { text, createdAt } = await readSecret(stage, { signal });
    return { credentials: parseCredentials(text, provider.credentialKeys, secretArn), createdAt };
  };

  return {
    ...(provider.scope === undefined ? {} : { scope: provider.scope }),
    ...probeOf(provider, send),
    async checkSecret({ signal }) {
      const { createdAt } = await readCredentials('AWSCURRENT', signal);
      return { createdAt };
    },
    async mint({ signal }) {
      // A malformed current secret is not passed over in silence: the older one it would be replaced by dies soon.
      const { credentials } = await readCredentials('AWSCURRENT', signal);
      const attempt = await askForToken(credentials, { signal });
      if (attempt.kind === 'token') return minted(attempt, 'AWSCURRENT');
      if (!attempt.credentialsRefused) throw attempt.error;

      const tried: Credentials[] = [credentials];
      for (const stage of OTHER_STAGES) {
        const other = await unlessUnusable(() => readCredentials(stage, signal));
        if (other === undefined || tried.some((one) => sameCredentials(one, other.credentials))) continue;
        tried.push(other.credentials);
        const next = await unlessUnusable(() => askForToken(other.credentials, { signal }));
        if (next?.kind === 'token') return minted(next, stage);
      }
      throw attempt.error;
    },
  };
}

function selectProvider(settings: ProviderSettings, secretArn: string): Provider {
  switch (settings.provider) {
    case 'genesys-cloud':
      return genesysCloud(settings);
    case 'nice-cxone':
      return niceCxone(settings);
    case 'nice-cxone-access-key':
      return niceCxoneAccessKey(settings);
    case 'oauth2':
      return oauth2(settings, secretArn);
  }
}

function probeOf({ probeUrl }: Provider, send: SendRequest): Pick<Minter, 'probe'> {
  if (probeUrl === undefined) return {};
  return {
    probe: (accessToken, { signal }) =>
      probeToken({ accessToken, probeUrl, send, signal, timeoutMs: PROBE_TIMEOUT_MS }),
  };
}

/** Another stage that is not there or cannot be used changes nothing: the first refusal is what to report. */
async function unlessUnusable<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isRefreshError(error)) return undefined;
    throw error;
  }
}

function minted({ token, issuedAt }: Attempt & { kind: 'token' }, secretStage: SecretStage): MintedToken {
  const warnings =
    secretStage === 'AWSCURRENT'
      ? token.warnings
      : [
          `The server refused the secret's AWSCURRENT version and accepted ${secretStage}: finish or correct the rotation.`,
          ...token.warnings,
        ];
  return { ...token, issuedAt, secretStage, warnings };
}
