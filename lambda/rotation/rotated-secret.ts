import { namesOf, parseCredentials } from '../mint/credentials.ts';
import { parseJsonObject } from '../mint/json-object.ts';
import type { Credentials } from '../providers/provider.ts';

/**
 * The keys of a secret that is rotated. Two clients take turns: tokens are minted with `client_id`; the secret of
 * `idle_client_id` is renewed next.
 */
export const ROTATED_KEYS = ['client_id', 'client_secret', 'idle_client_id'] as const;

/** One version of a secret that is rotated. */
export type Turn = Credentials<(typeof ROTATED_KEYS)[number]>;

/** Whether `next` gives the turn to the idle client of `turn`, and lets the other one rest. */
export function follows(next: Turn, turn: Turn): boolean {
  return next.client_id === turn.idle_client_id && next.idle_client_id === turn.client_id;
}

/**
 * Gives the turn to the idle client, with its new secret. Other keys of the secret stay as they are.
 *
 * @param text the version whose client has its turn
 * @throws RefreshError `SECRET_MALFORMED` if the refresher could not use the new secret
 */
export function giveTurn(text: string, turn: Turn, newSecret: string, secretArn: string): string {
  const json = { ...parseJsonObject(text) };
  const values = { client_id: turn.idle_client_id, client_secret: newSecret, idle_client_id: turn.client_id };
  for (const [key, value] of Object.entries(values)) {
    for (const name of namesOf(json, key)) json[name] = value;
  }
  const next = JSON.stringify(json);
  parseCredentials(next, ROTATED_KEYS, secretArn);
  return next;
}
