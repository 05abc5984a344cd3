/**
 * What the npm package exports: the construct, its settings, and the commands that it prints.
 *
 * @packageDocumentation
 */

export {
  type ClientAuthentication,
  GENESYS_DOMAINS,
  type GenesysCloudSettings,
  type Guarantee,
  type JobGuarantee,
  type NiceCxoneAccessKeySettings,
  type NiceCxoneSettings,
  type OAuth2Settings,
  type ProviderName,
  type ProviderSettings,
} from '../lambda/contract.ts';
export { ConfigurationError } from './construct/configuration-error.ts';
export { TokenRefresherGrants } from './construct/grants.ts';
export { ReaderRole, type ReaderRoleProps } from './construct/reader-role.ts';
export type { SecretRotation } from './construct/rotation.ts';
export { createTokenOutputs } from './construct/token-outputs.ts';
export { TokenRefresher, type TokenRefresherProps } from './construct/token-refresher.ts';
export type { OidcSubject } from './rules/oidc-subject.ts';
