/*
 * What a person or a job can see of the function, as types: the status, the results of an invocation, and the codes of
 * failures. `npm run update` writes them to docs/api.md.
 */

export type { Diagnosis } from '../../lambda/diagnose/diagnose.ts';
export type { DiagnosisStep, DiagnosisStepName } from '../../lambda/diagnose/step.ts';
export type { FailureCode, Fault } from '../../lambda/errors.ts';
export type { SecretStage } from '../../lambda/mint/secret.ts';
export type { KeepReason, MintReason } from '../../lambda/refresh/planner.ts';
export type { RefreshResult } from '../../lambda/refresh/refresh.ts';
export type { StatusDocument } from '../../lambda/refresh/status.ts';
export type { StoreOutcome } from '../../lambda/refresh/store.ts';
