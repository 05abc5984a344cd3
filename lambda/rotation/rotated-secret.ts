import { namesOf, parseCredentials } from '../mint/credentials.ts';
import { parseJsonObject } from '../mint/json-object.ts';

/** The keys of a secret that is rotated: two clients take turns. */
export const ROTATED_KEYS = ['client_id', 'client_secret', 'idle_client_id'] as const;

/** One version of a secret that is rotated. */
export interface Turn {
  /** The client whose turn it is: tokens are minted with it. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** The client whose secret is renewed next. */
  readonly idleClientId: string;
  /** The value, as it was stored. */
  readonly text: string;
}

/**
 * Reads a version's value.
 *
 * @throws RefreshError `SECRET_MALFORMED`
 */
export function parseTurn(text: string, secretArn: string): Turn {
  const { client_id, client_secret, idle_client_id } = parseCredentials(text, ROTATED_KEYS, secretArn);
  return { clientId: client_id, clientSecret: client_secret, idleClientId: idle_client_id, text };
}

/** Whether `next` gives the turn to the idle client of `turn`, and lets the other one rest. */
export function follows(next: Turn, turn: Turn): boolean {
  return next.clientId === turn.idleClientId && next.idleClientId === turn.clientId;
}

/**
 * Gives the turn to the idle client, with its new secret. Other keys of the secret stay as they are.
 *
 * @throws RefreshError `SECRET_MALFORMED` if the refresher could not use the new secret
 */
export function giveTurn(turn: Turn, newSecret: string, secretArn: string): Turn {
  const json = { ...parseJsonObject(turn.text) };
  const values = { client_id: turn.idleClientId, client_secret: newSecret, idle_client_id: turn.clientId };
  for (const [key, value] of Object.entries(values)) {
    for (const name of namesOf(json, key)) json[name] = value;
  }
  return parseTurn(JSON.stringify(json), secretArn);
}
